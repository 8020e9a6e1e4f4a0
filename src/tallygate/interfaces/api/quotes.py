"""What would it cost: a plan, a resource, a change? A price before buying; nothing is stored."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from tallygate.core.errors import Conflict, Invalid
from tallygate.interfaces.api.callers import By, Here
from tallygate.interfaces.api.quote_shapes import EstimateShape, estimate_shape
from tallygate.interfaces.api.routes import READS, SEES_BILLING, about, guarded_router
from tallygate.interfaces.api.wire import (
    Currency,
    Fields,
    Instant,
    Interval,
    Key,
    Quantity,
    Reference,
    Shape,
)
from tallygate.workflows import publish
from tallygate.workflows.questions.quote import quote
from tallygate.workflows.questions.quote_plan import quote_plan
from tallygate.workflows.questions.quote_resource import (
    MOST,
    quote_creation,
    quote_deletion,
    quote_resize,
)

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


AT = "When it is to happen; default: now. Do it with the `at` of the answer."
CURRENCY = "Where the account that pays has none yet, and the price list several."


class ResourceQuestion(Shape):
    """What is to happen to resources.

    To create some: `project` and `type`, and how many. To resize one: `resource`, and another
    `type`, `fields`, or both. To delete one: `resource` and `delete`.
    """

    project: Reference | None = None
    type: Key | None = None
    count: Annotated[int, Field(strict=True, ge=1, le=MOST)] = 1
    running: bool = True
    resource: Reference | None = None
    delete: bool = False
    fields: Fields = Field(default_factory=dict)
    at: Instant | None = Field(default=None, description=AT)
    currency: Currency | None = Field(default=None, description=CURRENCY)


class PlanQuestion(Shape):
    """A plan of the price list in force, for an account, as a change of its plan would come.

    `billing_account` may be an organization, whose own account is meant.
    """

    billing_account: Reference
    plan: Key
    interval: Interval | None = None
    when: Literal["default", "now", "period_end"] = "default"
    at: Instant | None = Field(default=None, description=AT)
    currency: Currency | None = Field(default=None, description=CURRENCY)


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


@router.post(
    "/resource",
    summary="Price a resource before it is there",
    openapi_extra=about(READS, "project", "resource"),
)
def price_resource(body: ResourceQuestion, here: Here, caller: By) -> EstimateShape:
    """Who pays, the prices, what is left of allowances, the first charge, a month's estimate."""
    tenant = caller.tenant()
    if body.resource is None:
        if body.project is None or body.type is None or body.delete:
            raise Invalid(
                "Say what is to happen: `project` and `type` of what is to be created, or the "
                "`resource` that is to be resized or deleted.",
                param="resource" if body.delete else "project" if body.type else "type",
            )
        return estimate_shape(
            quote_creation(
                here,
                body.project,
                body.type,
                tenant=tenant,
                count=body.count,
                fields=body.fields,
                running=body.running,
                at=body.at,
                currency=body.currency,
            )
        )
    if body.project is not None or body.count != 1:
        raise Invalid(
            "`project` and `count` are of resources that are to be created, and `resource` names "
            "one that is there: leave out the one or the other.",
            param="resource",
        )
    if body.delete:
        if body.type is not None or body.fields:
            raise Invalid("What is deleted has no other type or fields.", param="delete")
        return estimate_shape(quote_deletion(here, body.resource, tenant=tenant, at=body.at))
    return estimate_shape(
        quote_resize(
            here,
            body.resource,
            tenant=tenant,
            type=body.type,
            fields=body.fields,
            at=body.at,
            currency=body.currency,
        )
    )


@router.post("/plan", summary="Price a plan for an account", openapi_extra=SEES_BILLING)
def price_plan_change(body: PlanQuestion, here: Here, caller: By) -> EstimateShape:
    """The same answer for a plan that is to begin, or to be changed to."""
    return estimate_shape(
        quote_plan(
            here,
            body.billing_account,
            body.plan,
            body.interval,
            tenant=caller.tenant(),
            when=body.when,
            at=body.at,
            currency=body.currency,
        )
    )
