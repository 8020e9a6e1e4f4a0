"""What would a plan cost? A price before buying; nothing is stored."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from tallygate.core.errors import Conflict
from tallygate.interfaces.api.callers import By, Here
from tallygate.interfaces.api.routes import READS, guarded_router
from tallygate.interfaces.api.wire import Currency, Interval, Key, Quantity, Shape
from tallygate.workflows import publish
from tallygate.workflows.quote import quote

router = guarded_router("/v1/quote", "quote")

MAX_METERS = 100
MAX_COUPONS = 10


class QuoteRequest(Shape):
    """A plan, and what one month's usage may be, by meter."""

    plan: Key
    interval: Interval = "month"
    currency: Currency | None = None
    usage: Annotated[dict[Key, Quantity], Field(max_length=MAX_METERS)] = Field(
        default_factory=dict, examples=[{"devices": "8"}]
    )
    coupons: Annotated[list[Key], Field(max_length=MAX_COUPONS)] = Field(default_factory=list)


class QuoteLineShape(Shape):
    """One line; `quantity` is what is charged for, `amount` in minor units before coupons."""

    price: str
    quantity: str
    amount: int
    explanation: list[str]


class QuoteShape(Shape):
    """What it would cost, before tax."""

    object: Literal["quote"] = "quote"
    currency: str
    lines: list[QuoteLineShape]
    subtotal: int
    discount: int
    total: int
    unpriced: list[str] = Field(description="Meters whose usage the plan does not price.")


@router.post("", summary="Price a plan", openapi_extra=READS)
def price_plan(body: QuoteRequest, here: Here, caller: By) -> QuoteShape:
    """The lines that one period would come to, on the price list in force."""
    del caller  # the price list is the same for everybody
    found = publish.current(here)
    if found is None:
        raise Conflict("No catalog was applied yet: run `tallygate catalog apply`.")
    usage: dict[str, Decimal] = dict(body.usage)
    priced = quote(
        found[1],
        body.plan,
        interval=body.interval,
        currency=body.currency,
        usage=usage,
        coupons=body.coupons,
    )
    return QuoteShape.model_validate(priced.as_json())
