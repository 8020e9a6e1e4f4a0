"""What does the provider know of usage, and what is it to be told?"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from tallygate.interfaces.cli import screen

if TYPE_CHECKING:
    from datetime import date

    from tallygate.collection.provider import Books
    from tallygate.workflows.installation import Installation
    from tallygate.workflows.mirror.running_totals import RunningTotal
    from tallygate.workflows.mirror.sync import Synced
    from tallygate.workflows.mirror.sync_view import Standing

HEADINGS = ("Account", "Price", "Period", "Reported", "New total", "Shown there", "Note")


class Wish(NamedTuple):
    """Which usage is meant: of one account or all, one price or all, of a month or now."""

    account: str | None
    price: str | None
    month: "date | None"

    def has(self, one: "RunningTotal") -> bool:
        """Whether a total is meant."""
        from tallygate.workflows.mirror.sync_view import begins_in

        return self.price in {None, one.price.price} and begins_in(one.price.period, self.month)


class Done(NamedTuple):
    """What there is, how many totals were sent, and why some accounts are not in order."""

    rows: "list[Standing]"
    sent: int
    problems: dict[str, str]


def sync(
    month: Annotated[
        str | None,
        typer.Option(
            metavar="YYYY-MM",
            help="The periods that begin in this month (UTC); default: those that go on.",
        ),
    ] = None,
    account: Annotated[
        str | None,
        typer.Option(help="One billing account or organization, by id or external id."),
    ] = None,
    subscription_item: Annotated[
        str | None, typer.Option(metavar="SI", help="One item of a subscription at Stripe, si_...")
    ] = None,
    commit: Annotated[
        bool, typer.Option("--commit", help="Report the totals. Without this, nothing is sent.")
    ] = False,
    as_json: Annotated[bool, screen.AsJson] = False,
) -> None:
    """Report the running totals of metered prices to Stripe (a dry run without --commit).

    Numbers are base units beyond what is included. Totals replace each other: reporting twice
    changes nothing. A closed period is not reported again; what came late for it is shown as the
    adjustment on the next invoice.
    """
    from tallygate.app import open_books, open_installation
    from tallygate.config import load_config

    if account is not None and subscription_item is not None:
        raise typer.BadParameter("Name an account or a subscription item, not both.")
    since = None if month is None else _month(month)
    config = load_config()
    books = open_books(config)
    with open_installation(config) as installation:
        wish = _wish(installation, books, account, subscription_item, since)
        done = _each(installation, books, wish, commit=commit)
    changes = sum(one.changes for one in done.rows)
    if as_json:
        told = {"committed": commit, "sent": done.sent, "problems": done.problems}
        screen.print_json({**told, "totals": [_shape(one) for one in done.rows]})
    else:
        _show(done)
    for name, problem in done.problems.items():
        screen.note(f"warning: {name}: {problem}")
    if commit and not as_json:
        screen.out(f"Reported {done.sent} total{'' if done.sent == 1 else 's'}.")
    if done.problems:
        raise typer.Exit(screen.PARTIAL if done.rows else screen.FAILED)
    if changes and not commit:
        screen.note(f"{changes} to be reported. Nothing was sent: add --commit.")
        raise typer.Exit(screen.PENDING)


def _month(text: str) -> "date":
    import re
    from datetime import date

    found = re.fullmatch(r"([0-9]{4})-(0[1-9]|1[0-2])", text)
    if found is None or found[1] == "0000":
        raise typer.BadParameter(f"--month is a month like 2026-11, not {text[:40]!r}.")
    return date(int(found[1]), int(found[2]), 1)


def _wish(
    installation: "Installation",
    books: "Books",
    account: str | None,
    item: str | None,
    month: "date | None",
) -> Wish:
    from tallygate.adapters.store import customers
    from tallygate.core.errors import Conflict
    from tallygate.workflows.accounts import locate_account
    from tallygate.workflows.mirror.sync_view import account_of_item

    if item is not None:
        found, price = account_of_item(installation, books, item)
        return Wish(found, price, month)
    if account is None:
        return Wish(None, None, month)
    with installation.store.read() as tx:
        named = locate_account(tx, account, None).id
        known = customers.customer_of(tx, named)
    if known is None:
        raise Conflict(f"{named} is no customer at {books.name}: none of its usage goes there.")
    return Wish(named, None, month)


def _each(installation: "Installation", books: "Books", wish: Wish, *, commit: bool) -> Done:
    """Look at every account that is meant, and report what is to be reported."""
    from tallygate.core.errors import Refused, Unreachable
    from tallygate.workflows.mirror.sync import sync_account
    from tallygate.workflows.mirror.sync_view import every_account, standings
    from tallygate.workflows.mirror.witness import refuse_where_shut

    if commit:
        refuse_where_shut(installation)
    accounts = [wish.account] if wish.account else list(every_account(installation))
    rows: list[Standing] = []
    problems: dict[str, str] = {}
    sent = 0
    with screen.progress("Usage", len(accounts)) as tell:
        for number, account in enumerate(accounts, 1):
            try:
                found = standings(installation, books, account, wish.month)
                mine = [one for one in found if wish.price in {None, one.price}]
                rows += mine
                if commit and any(one.changes for one in mine):
                    synced = sync_account(installation, books, account, only=wish.has)
                    sent += len(synced.sent)
                    said = [*_waiting(synced), *(f"{f.price}: {f.problem}" for f in synced.failed)]
                    if said:
                        problems[account] = " ".join(said)
            except (Refused, Unreachable) as error:
                problems[account] = str(error)
            tell(number)
    return Done(rows, sent, problems)


def _waiting(synced: "Synced") -> "Iterator[str]":
    if synced.without_item:
        keys = ", ".join(synced.without_item)
        yield f"The subscription there has no item of {keys} yet; the worker adds it."


def _show(done: Done) -> None:
    if not done.rows:
        screen.out("There is no usage to report.")
        return
    rows = [
        (
            one.billing_account,
            one.price,
            f"{one.period.start.date()} to {one.period.end.date()}",
            _number(one.reported),
            _number(one.total),
            _number(one.shown),
            _note(one),
        )
        for one in done.rows
    ]
    screen.table(HEADINGS, rows, numbers=(3, 4, 5))


def _number(total: int | None) -> str:
    return "" if total is None else str(total)


def _note(one: "Standing") -> str:
    notes = [one.note] if one.note else []
    if one.adjustment is not None:
        owed = f"adjustment of {one.adjustment}" if one.adjustment.amount else "nothing to adjust"
        notes.append(owed)
    return "; ".join(notes)


def _shape(one: "Standing") -> dict[str, Any]:
    from tallygate.core.period import instant_text

    adjustment = one.adjustment
    return {
        "billing_account": one.billing_account,
        "subscription": one.subscription,
        "price": one.price,
        "period_start": instant_text(one.period.start),
        "period_end": instant_text(one.period.end),
        "reported": one.reported,
        "total": one.total,
        "shown": one.shown,
        "changes": one.changes,
        "adjustment": None if adjustment is None else adjustment.amount,
        "currency": None if adjustment is None else adjustment.currency,
        "note": one.note,
    }
