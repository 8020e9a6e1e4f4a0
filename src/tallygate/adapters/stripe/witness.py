"""Where does an installation leave a word at Stripe, so that a copy of it is noticed?

In the metadata of a product that is never sold. A product takes an id of our choosing, is read
with one request, and stays for as long as the account does.
"""

from typing import Any

import stripe
from stripe import StripeClient

PRODUCT = "tallygate_installation"
WORD = "tallygate_witness"


class Witness:
    """Reads and writes the word."""

    def __init__(self, client: StripeClient) -> None:
        self._products: Any = client.v1.products

    def read(self) -> str | None:
        """The word that was left last; None: none ever was."""
        try:
            found = self._products.retrieve(PRODUCT)
        except stripe.InvalidRequestError as error:
            if error.code != "resource_missing":
                raise
            return None
        word: str | None = found.to_dict()["metadata"].get(WORD)
        return word

    def leave(self, word: str) -> None:
        """Leave a word in place of the last one."""
        marks = {"metadata": {WORD: word}}
        try:
            self._products.update(PRODUCT, marks)
        except stripe.InvalidRequestError as error:
            if error.code != "resource_missing":
                raise
            named = {"id": PRODUCT, "name": "Tallygate installation", "active": False}
            self._products.create({**named, **marks})
