"""Who wishes to subscribe, and what became of it?"""

from typing import Annotated

import typer

from tallygate.interfaces.cli import screen

MOST = 100


def purchases(
    organization: Annotated[
        str | None, typer.Option(help="Of one organization: an id or external id.")
    ] = None,
    after: Annotated[str | None, typer.Option(help="Those after this one, pur_...")] = None,
    as_json: Annotated[bool, screen.AsJson] = False,
) -> None:
    """List the purchases of plans, and whether they have begun (100 at a time)."""
    from tallygate.adapters.store import accounts
    from tallygate.adapters.store import purchases as store
    from tallygate.app import open_installation
    from tallygate.config import load_config
    from tallygate.core.period import instant_text
    from tallygate.interfaces.api.purchases import purchase_shape

    with open_installation(load_config()) as installation, installation.store.read() as tx:
        tenant = None
        if organization is not None:
            tenant = accounts.resolve_subject(tx, organization, None, "organization").id
        found = store.page(tx, tenant, after, MOST)
    if as_json:
        screen.print_json([purchase_shape(one).model_dump(mode="json") for one in found])
        return
    rows = [
        (
            one.id,
            instant_text(one.created_at),
            one.billing_account,
            f"{one.plan} by the {one.interval}",
            one.way,
            one.state,
            one.subscription or one.provider_id or one.session or "",
        )
        for one in found
    ]
    headings = ("Purchase", "At", "Billing account", "Plan", "Way", "State", "Leads to")
    screen.table(headings, rows, numbers=())
    if len(found) == MOST:
        screen.note(f"There may be more: --after {found[-1].id}")
