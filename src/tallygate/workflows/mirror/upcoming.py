"""What will the next invoice come to, in our view and in the payment provider's?

Ours knows all usage so far. The provider's own preview knows what was reported to it last, and is
shown beside it, where it can be had: it is never what ours waits for.
"""

from typing import NamedTuple

from tallygate.adapters.store import mirrors
from tallygate.collection.provider import Books
from tallygate.collection.seen import OVER, SeenInvoice
from tallygate.core.errors import Refused, Unreachable
from tallygate.invoicing.model import Invoice
from tallygate.workflows.contracts import find_subscription
from tallygate.workflows.installation import Installation
from tallygate.workflows.questions.preview import preview


class Upcoming(NamedTuple):
    """The next invoice, the provider's own preview of it, or why there is none."""

    invoice: Invoice
    provider: SeenInvoice | None
    problem: str | None


def upcoming(
    installation: Installation,
    books: Books | None,
    subscription: str,
    *,
    tenant: str | None = None,
) -> Upcoming:
    """The next invoice of a subscription, in both views; nothing is saved.

    Raises:
        NotFound: the tenant has no such subscription, or it is not to be billed any more.
    """
    with installation.store.read() as tx:
        mirror = mirrors.of_subscription(tx, find_subscription(tx, subscription, tenant).id)
    invoice = preview(installation, subscription, tenant=tenant)
    if books is None or mirror is None or mirror.status in OVER:
        return Upcoming(invoice, None, "It is not collected through a payment provider.")
    try:
        foreseen = books.upcoming(mirror.provider_id)
    except (Refused, Unreachable) as error:
        return Upcoming(invoice, None, str(error))
    return Upcoming(invoice, foreseen, None if foreseen else "The provider has none to come.")
