"""How is it told who moves to the newest price list?"""

from decimal import Decimal

from tallygate.core.money import minor_digits
from tallygate.core.period import instant_text
from tallygate.core.quantity import plain
from tallygate.interfaces.cli import screen
from tallygate.workflows.move import Move, Moves


def show_moves(moves: Moves, *, commit: bool) -> None:
    """A row for each who moves, and a sentence for each who stays."""
    if moves.moved:
        headings = ("Account", "Plan", "Version", "On", "Pays", "Will pay", "Differs too")
        screen.table(headings, [_row(one) for one in moves.moved], numbers=(2, 4, 5))
    for one in moves.staying:
        screen.note(f"{one.subscription} of {one.billing_account} stays: {one.reason}")
    count = len(moves.moved)
    if not count and not moves.staying:
        screen.out(f"Nobody is left to move to version {moves.newest}.")
    elif count:
        noun = "subscription" if count == 1 else "subscriptions"
        said = "will move" if commit else "would move"
        screen.out(f"{count} {noun} {said} to version {moves.newest}.")


def moves_shape(moves: Moves) -> dict[str, object]:
    """The same for a program; amounts are decimals in the main unit, for one interval."""
    return {
        "newest": moves.newest,
        "moved": [
            {
                "subscription": one.subscription,
                "organization": one.organization,
                "billing_account": one.billing_account,
                "plan": one.plan,
                "interval": one.interval,
                "version": one.version,
                "effective": instant_text(one.effective),
                "currency": one.currency,
                "before": plain(one.before),
                "after": plain(one.after),
                "differing": list(one.differing),
            }
            for one in moves.moved
        ],
        "staying": [one._asdict() for one in moves.staying],
    }


def _row(move: Move) -> tuple[str, ...]:
    return (
        move.billing_account,
        f"{move.plan} by the {move.interval}",
        str(move.version),
        instant_text(move.effective),
        _amount(move.before, move.currency),
        _amount(move.after, move.currency),
        ", ".join(move.differing),
    )


def _amount(amount: Decimal, currency: str) -> str:
    """An amount in the main unit, for a person.

    >>> _amount(Decimal(29), "usd"), _amount(Decimal("2900.0"), "jpy")
    ('29.00 USD', '2900 JPY')
    """
    return screen.money(int(amount.scaleb(minor_digits(currency))), currency)
