"""How is a plan bought? On the provider's page, in the platform's own, or through a link."""

from typing import Annotated, Any, Literal

from pydantic import Field

from tallygate.accounts.model import BillingAccount
from tallygate.adapters.store import purchases
from tallygate.collection.records import Purchase
from tallygate.core.errors import NotFound
from tallygate.interfaces.api.callers import By, Caller, Here
from tallygate.interfaces.api.pages import DEFAULT_LIMIT, Cursor, Limit, check_cursor, page
from tallygate.interfaces.api.payments import Provided, recorded
from tallygate.interfaces.api.routes import BUYS, CHANGES_BILLING, SEES_BILLING, guarded_router
from tallygate.interfaces.api.wire import (
    Currency,
    Id,
    Instant,
    Interval,
    Key,
    Page,
    Reference,
    Shape,
    Text,
)
from tallygate.workflows.accounts import locate_account
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirror.purchase import Wish, buy
from tallygate.workflows.mirror.ways_back import way_back
from tallygate.workflows.mirror.welcome import reference_for

router = guarded_router("/v1", "purchases")

TELLS_A_SECRET: dict[str, Any] = {**BUYS, "x-secret": "client_secret"}


class NewPurchase(Shape):
    """A plan of the price list in force, for a billing account.

    Left out, `interval` is the plan's first and `currency` the account's, or the only one.
    """

    billing_account: Reference
    plan: Key
    interval: Interval | None = None
    currency: Currency | None = None
    coupons: Annotated[list[Key], Field(max_length=10)] = Field(default_factory=list)
    trial: bool = True
    email: Text | None = Field(default=None, description="Of a customer who is new there.")


class NewCheckout(NewPurchase):
    """A purchase on the provider's page. The pages that it leads back to are the platform's own.

    Left out, they are those of the settings.
    """

    success_url: Text | None = None
    cancel_url: Text | None = None


class PurchaseShape(Shape):
    """A wish to subscribe, until it is paid for (`begun`) or given up.

    Of a checkout, `url` is where the customer pays; of a direct purchase, `client_secret` is what
    the browser pays with, told when it is made and not again.
    """

    id: str
    object: Literal["purchase"] = "purchase"
    organization: str
    billing_account: str
    way: Literal["checkout", "direct", "link"]
    state: Literal["open", "begun", "expired", "refused"]
    plan: str
    interval: Interval
    currency: str
    coupons: list[str]
    trial_days: int
    created_at: Instant
    url: str | None
    provider_session: str | None
    provider_subscription: str | None
    subscription: str | None = Field(description="Ours, once it has begun.")
    client_secret: str | None = None


class NewReference(Shape):
    """The account that a payment link's checkout is to belong to."""

    billing_account: Reference


class ReferenceShape(Shape):
    """What a payment link is opened with: `?client_reference_id=<reference>`."""

    object: Literal["payment_link_reference"] = "payment_link_reference"
    billing_account: str
    reference: str


def purchase_shape(purchase: Purchase, client_secret: str | None = None) -> PurchaseShape:
    """A purchase on the wire."""
    return PurchaseShape(
        id=purchase.id,
        organization=purchase.organization,
        billing_account=purchase.billing_account,
        way=purchase.way,
        state=purchase.state,
        plan=purchase.plan,
        interval=purchase.interval,
        currency=purchase.currency,
        coupons=list(purchase.coupons),
        trial_days=purchase.trial_days,
        created_at=purchase.created_at,
        url=purchase.url if purchase.state == "open" else None,
        provider_session=purchase.session,
        provider_subscription=purchase.provider_id,
        subscription=purchase.subscription,
        client_secret=client_secret,
    )


def located(here: Installation, caller: Caller, name: str) -> BillingAccount:
    """The account that is named, if it is the caller's to name.

    Raises:
        NotFound: it is not.
    """
    with here.store.read() as tx:
        return locate_account(tx, name, caller.tenant())


def record_purchase(here: Installation, caller: Caller, bought: Purchase) -> None:
    """Record that a purchase was asked for."""
    recorded(
        here,
        caller,
        f"purchase.{bought.way}",
        bought.id,
        organization=bought.organization,
        billing_account=bought.billing_account,
        plan=bought.plan,
        interval=bought.interval,
    )


@router.post("/checkouts", status_code=201, summary="Buy on a page", openapi_extra=BUYS)
def open_checkout(body: NewCheckout, here: Here, caller: By, books: Provided) -> PurchaseShape:
    """Send the customer to `url`. The subscription begins once it is paid for.

    The same wish again, while it is open, is the same checkout; another one takes its place.
    """
    account = located(here, caller, body.billing_account)
    wish = Wish(
        body.plan,
        interval=body.interval,
        currency=body.currency,
        coupons=body.coupons,
        trial=body.trial,
        email=body.email,
        success_url=way_back(here.settings, body.success_url, "success_url"),
        cancel_url=way_back(here.settings, body.cancel_url, "cancel_url"),
    )
    bought = buy(here, books(), account.id, wish, tenant=caller.tenant())
    record_purchase(here, caller, bought)
    return purchase_shape(bought)


@router.post("/purchases", status_code=201, summary="Buy directly", openapi_extra=TELLS_A_SECRET)
def create_purchase(body: NewPurchase, here: Here, caller: By, books: Provided) -> PurchaseShape:
    """A subscription at the provider that begins once its first invoice is paid.

    The platform's own page pays it with `client_secret`, by the provider's library for browsers.
    """
    account = located(here, caller, body.billing_account)
    wish = Wish(
        body.plan,
        interval=body.interval,
        currency=body.currency,
        coupons=body.coupons,
        trial=body.trial,
        email=body.email,
        way="direct",
    )
    provider = books()
    bought = buy(here, provider, account.id, wish, tenant=caller.tenant())
    record_purchase(here, caller, bought)
    assert bought.provider_id is not None, "a direct purchase has the provider's subscription"
    return purchase_shape(bought, provider.client_secret(bought.provider_id))


@router.get("/purchases", summary="List purchases", openapi_extra=SEES_BILLING)
def list_purchases(
    here: Here,
    caller: By,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    organization: Reference | None = None,
) -> Page[PurchaseShape]:
    """In the order of their making."""
    tenant = caller.tenant(organization)
    with here.store.read() as tx:
        found = purchases.page(tx, tenant, check_cursor(cursor, "pur"), limit + 1)
    return page(found, limit, purchase_shape)


@router.get("/purchases/{purchase}", summary="Read a purchase", openapi_extra=SEES_BILLING)
def get_purchase(purchase: Id, here: Here, caller: By) -> PurchaseShape:
    """One purchase, by its id: whether it has begun, and as which subscription."""
    with here.store.read() as tx:
        found = purchases.get(tx, purchase, caller.tenant())
    if found is None:
        raise NotFound(f"There is no purchase {purchase[:128]}.", param="purchase")
    return purchase_shape(found)


@router.post(
    "/payment_link_references",
    summary="Sign a payment link's reference",
    openapi_extra=CHANGES_BILLING,
)
def sign_reference(body: NewReference, here: Here, caller: By) -> ReferenceShape:
    """Whoever pays through a link that is opened with the reference pays for this account.

    A reference that is not signed binds nobody: its buyer becomes an organization of one.
    """
    account = located(here, caller, body.billing_account)
    return ReferenceShape(billing_account=account.id, reference=reference_for(here, account.id))
