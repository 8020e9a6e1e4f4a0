"""The test cards that a page offers."""

from typing import NamedTuple


class Offered(NamedTuple):
    """A card's number, and what it does."""

    number: str
    does: str


OFFERED = (
    Offered("4242 4242 4242 4242", "Succeeds"),
    Offered("4000 0025 0000 3155", "Asks for 3-D Secure"),
    Offered("4000 0000 0000 0002", "Is declined"),
    Offered("4000 0000 0000 9995", "Has insufficient funds"),
    Offered("4000 0000 0000 0069", "Has expired"),
    Offered("4000 0000 0000 0341", "Is saved, then declines"),
)


def chosen(form: dict[str, str]) -> str | None:
    """The number that was typed, or else the card that was chosen."""
    return form.get("number", "").strip() or form.get("card", "").strip() or None
