"""What can be planned and looked up in a story, before and after it costs something?

Set up what is missing on the way to a resource, ask what one would cost, break an invoice down.
"""

from collections.abc import Mapping
from typing import Any

from tallygate.adapters.store import invoices
from tallygate.adapters.store import subjects as stored
from tallygate.core.money import main_units
from tallygate.interfaces.cli.demo.telling import Outcome, StoryBroken, Telling
from tallygate.workflows.questions.breakdown import Asked, dimensions, of_invoice
from tallygate.workflows.questions.quote_resource import quote_creation
from tallygate.workflows.set_up import WantedOrganization, WantedProject, WantedResource, set_up


def prepare(telling: Telling, asked: Mapping[str, Any]) -> Outcome:
    """Make what is missing of an organization, a project and a resource, in one call."""
    wanted = asked.get("resource")
    done = set_up(
        telling.installation,
        WantedOrganization(asked["organization"], asked.get("name"), asked.get("owner")),
        WantedProject(asked["project"], billing=asked.get("billing", "inherited")),
        None if wanted is None else WantedResource(wanted["type"], wanted["id"]),
        tenant=None,
    )
    telling.organizations[asked["organization"]] = done.organization.id
    own = done.payer.id == done.organization.billing_account
    return {"created": list(done.created), "billing": "inherited" if own else "separate"}


def quote(telling: Telling, asked: Mapping[str, Any]) -> Outcome:
    """What another resource in a project would cost, and who would pay."""
    found = quote_creation(
        telling.installation,
        asked["project"],
        asked["type"],
        tenant=None,
        count=asked.get("count", 1),
    )
    currency, first, monthly = found.payer.currency, found.first_charge, found.monthly
    told: dict[str, Any] = {"payer": found.payer.account.name}
    if first is not None:
        told["first"] = str(main_units(first.amount, currency))
        told["dated"] = first.dated.date().isoformat()
    if monthly is not None:
        told["monthly"] = str(main_units(monthly.amount, currency))
    return told


def break_down(telling: Telling, asked: Mapping[str, Any]) -> Outcome:
    """An invoice of an account, by its date, in parts that are told apart `by` something."""
    installation = telling.installation
    account = telling.account(asked.get("account") or asked["organization"])
    with installation.store.read() as tx:
        dated = [
            one
            for one in invoices.page(tx, None, billing_account=account)
            if one.dated.date() == asked["dated"]
        ]
        if not dated:
            raise StoryBroken(f"The account has no invoice of {asked['dated']}.")
        names = stored.external_ids(tx, dated[0].organization)
    found = of_invoice(installation, dated[0].id, Asked(dimensions(asked["by"])))
    told: dict[str, str] = {}
    for row in found.rows:
        part = row.part
        name = part.resource or part.project or part.meter or str(part.day)
        amount = main_units(part.amount, dated[0].currency)
        told[names.get(name, name)] = str(amount)
    return {"parts": told, "total": str(main_units(found.amount, dated[0].currency))}
