"""What must an adapter of a payment provider be able to do?"""

from typing import Protocol

from tallygate.collection.held import Holdings, PriceList
from tallygate.collection.steps import Step


class Provider(Protocol):
    """A payment provider, as far as the price list is concerned.

    All of it raises `Unreachable` where the provider does not answer, and `Refused` where it
    refuses, with a sentence.
    """

    @property
    def name(self) -> str:
        """What to call it, with the account's mode: `Stripe (test mode)`."""
        ...

    def holdings(self, wanted: PriceList) -> Holdings:
        """What is there of all that a price list names, and what we once made there."""
        ...

    def carry_out(self, step: Step) -> None:
        """Do one step. Doing it again, or after an answer that was lost, does no more."""
        ...
