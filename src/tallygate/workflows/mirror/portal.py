"""How does a customer come to the payment provider's portal?

By an address that is made on the click that asks for it. It opens the account to whoever has it,
so it is told once, and neither kept nor written to a log.
"""

from tallygate.adapters.store import customers
from tallygate.collection.provider import Books
from tallygate.core.errors import Conflict
from tallygate.workflows.accounts import locate_account
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirror.ways_back import way_back


def open_portal(
    installation: Installation,
    books: Books,
    billing_account: str,
    return_url: str | None = None,
    *,
    tenant: str | None = None,
) -> str:
    """The address of a portal session that begins now, for the account's own customer.

    Raises:
        NotFound: the tenant has no such account.
        Invalid: the way back is not to a page of the platform's own.
        Conflict: the account is no customer of the provider's yet (code `no_customer`).
        Refused: the provider refuses, with a sentence.
    """
    settings = installation.settings
    back = way_back(settings, return_url, "return_url") or settings.portal_return_url
    with installation.store.read() as tx:
        account = locate_account(tx, billing_account, tenant)
        customer = customers.customer_of(tx, account.id)
    if customer is None:
        raise Conflict(
            f"The billing account {account.id} has bought nothing through the payment provider "
            "yet, so that there is no portal to open: buy a plan first.",
            code="no_customer",
        )
    return books.portal(customer, back)
