"""How are tenants kept, with their projects, members and resources, and who pays for what?

`subjects` maps every name that an event may carry (our id, or the platform's own) to the tenant.
`life_events` holds what happened to each resource; `resource_states` is made from it and could be
made again. A project, and what is in it, is its present organization's; what happened and what was
so before it moved there is kept as the former one's.
"""

from sqlalchemy import Index, UniqueConstraint, text

from tallygate.adapters.store.tables.columns import (
    instant,
    is_truth,
    number,
    one_of,
    orderly,
    present,
    refers,
    table,
    truth,
    words,
)

organizations = table(
    "organizations",
    words("id", primary=True),
    words("name"),
    # Account and organization name each other; the account's row refers back to this one.
    words("billing_account"),
    words("external_id", null=True),
    instant("created_at"),
    *present("name", "billing_account"),
    UniqueConstraint("external_id"),
)

billing_accounts = table(
    "billing_accounts",
    words("id", primary=True),
    refers("organization", "organizations"),
    words("name"),
    words("currency", null=True),
    words("external_id", null=True),
    instant("created_at"),
    *present("name"),
    Index(None, "organization", "id"),
)

projects = table(
    "projects",
    words("id", primary=True),
    refers("organization", "organizations"),
    words("name"),
    words("external_id", null=True),
    instant("created_at"),
    *present("name"),
    Index(None, "organization", "id"),
)

# `announced`: the instant, until what follows from a change that was told before it is done.
payer_changes = table(
    "payer_changes",
    refers("project", "projects", primary=True),
    instant("since", primary=True),
    refers("organization", "organizations"),
    refers("billing_account", "billing_accounts", null=True),
    instant("announced", null=True),
    Index(None, "organization"),
    Index(
        None,
        "announced",
        sqlite_where=text("announced IS NOT NULL"),
        postgresql_where=text("announced IS NOT NULL"),
    ),
)

# Of projects that have moved; the first home has no beginning, and the last one no end.
project_homes = table(
    "project_homes",
    refers("project", "projects", primary=True),
    number("number", primary=True),
    refers("organization", "organizations"),
    instant("since", null=True),
    instant("until", null=True),
    orderly("since", "until"),
    Index(None, "organization"),
)

members = table(
    "members",
    words("id", primary=True),
    refers("organization", "organizations"),
    words("person"),
    words("role"),
    instant("since"),
    instant("until", null=True),
    refers("project", "projects", null=True),
    *present("person"),
    one_of("role", "owner", "billing", "developer", "viewer"),
    orderly("since", "until"),
    Index(None, "organization", "id"),
    Index(
        "uq_members_present",
        "organization",
        "person",
        unique=True,
        sqlite_where=text("until IS NULL AND project IS NULL"),
        postgresql_where=text("until IS NULL AND project IS NULL"),
    ),
    Index(
        "uq_members_of_project",
        "project",
        "person",
        unique=True,
        sqlite_where=text("until IS NULL AND project IS NOT NULL"),
        postgresql_where=text("until IS NULL AND project IS NOT NULL"),
    ),
)

resources = table(
    "resources",
    words("id", primary=True),
    refers("organization", "organizations"),
    refers("project", "projects"),
    words("type"),
    words("external_id", null=True),
    instant("created_at"),
    instant("deleted_at", null=True),
    *present("type"),
    Index(None, "organization", "id"),
    Index(None, "project", "id"),
)

life_events = table(
    "life_events",
    refers("resource", "resources", primary=True),
    instant("at", primary=True),
    words("source", primary=True),
    words("event", primary=True),
    refers("organization", "organizations"),
    words("kind"),
    words("fields"),
    one_of("kind", "created", "resized", "started", "stopped", "deleted"),
)

resource_states = table(
    "resource_states",
    refers("resource", "resources", primary=True),
    instant("since", primary=True),
    instant("until", null=True),
    refers("organization", "organizations"),
    words("type"),
    truth("running"),
    words("fields"),
    is_truth("running"),
    orderly("since", "until"),
    Index(None, "organization", "since"),
)

subjects = table(
    "subjects",
    refers("organization", "organizations", primary=True),
    words("alias", primary=True),
    words("subject"),
    words("kind"),
    *present("alias", "subject"),
    one_of("kind", "organization", "billing_account", "project", "resource"),
    Index(None, "alias"),
)
