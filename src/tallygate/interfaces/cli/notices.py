"""What was a customer told, or the operator, or is to be?"""

from typing import Annotated

import typer

from tallygate.interfaces.cli import screen

MOST = 100


def notices(
    account: Annotated[
        str | None, typer.Option(help="Of one billing account: an id or external id.")
    ] = None,
    after: Annotated[str | None, typer.Option(help="Those after this one, ntc_...")] = None,
    as_json: Annotated[bool, screen.AsJson] = False,
) -> None:
    """List what is told: failed payments, invoices that are held, ends (100 at a time)."""
    from tallygate.adapters.store import notices as store
    from tallygate.app import open_installation
    from tallygate.config import load_config
    from tallygate.core.period import instant_text
    from tallygate.interfaces.api.notices import notice_shape
    from tallygate.workflows.accounts import locate_account

    with open_installation(load_config()) as installation, installation.store.read() as tx:
        named = None if account is None else locate_account(tx, account, None).id
        found = store.page(tx, None, after, MOST, billing_account=named)
    if as_json:
        screen.print_json(
            [notice_shape(one, operator=True).model_dump(mode="json") for one in found]
        )
        return
    rows = [
        (
            instant_text(one.created_at),
            one.kind,
            one.billing_account,
            one.invoice or "",
            one.facts.get("sentence") or one.facts.get("differences", ""),
        )
        for one in found
    ]
    screen.table(("At", "What", "Billing account", "Invoice", "Says"), rows, numbers=())
    if len(found) == MOST:
        screen.note(f"There may be more: --after {found[-1].id}")
