"""How does a line of an invoice look on the wire?

With its amount and everything that leads to it: the quantity, the steps of the curve, the share of
the period, the discounts, the way down to the events, and the same in sentences.
"""

from typing import Literal
from urllib.parse import urlencode

from pydantic import Field

from tallygate.core.period import instant_text
from tallygate.interfaces.api.wire import Exact, PeriodShape, Shape, period_shape
from tallygate.rating.explain import explain
from tallygate.rating.line import Line


class StepShape(Shape):
    """A part of the quantity at one rate; rate and amount are exact, in the main unit."""

    kind: Literal["unit", "block", "fee"]
    quantity: Exact
    rate: Exact
    amount: Exact
    up_to: Exact | None
    size: Exact | None


class DiscountShape(Shape):
    """What a coupon takes off, in minor units."""

    coupon: str
    amount: int


class LineShape(Shape):
    """One line: `amount` before discounts, `net` after them, in minor units."""

    object: Literal["line"] = "line"
    price: str
    kind: Literal["flat", "counted", "metered", "credit", "adjustment"]
    currency: str
    amount: int
    discount: int
    net: int
    quantity: Exact = Field(description="What is charged for.")
    measured: Exact = Field(description="What the meter gave, or the count, or 1.")
    included: Exact
    period: PeriodShape
    share: str = Field(description='The part of the period that is charged: "1", or "1/2".')
    bound: Literal["minimum", "maximum"] | None = Field(
        description="What decided the amount, where it was not the curve."
    )
    steps: list[StepShape]
    discounts: list[DiscountShape]
    meter: str | None
    unit: str | None
    events: str | None = Field(description="Where the events behind the line are listed.")
    catalog_version: int = Field(description="Whose price it is.")
    corrects: str | None = Field(description="The invoice that this line corrects.")
    note: str
    explanation: list[str] = Field(description="The same, in sentences.")


def way_down(line: Line, billing_account: str) -> str | None:
    """The path of the events behind a metered line."""
    if line.meter is None:
        return None
    asked = {
        "billing_account": billing_account,
        "meter": line.meter,
        "from": instant_text(line.period.start),
        "to": instant_text(line.period.end),
    }
    return f"/v1/events?{urlencode(asked)}"


def line_shape(line: Line, billing_account: str) -> LineShape:
    """A line of an account's invoice on the wire."""
    return LineShape(
        price=line.price,
        kind=line.kind,
        currency=line.currency,
        amount=line.amount,
        discount=line.discount,
        net=line.net,
        quantity=line.quantity,
        measured=line.measured,
        included=line.included,
        period=period_shape(line.period),
        share=str(line.share),
        bound=line.bound,
        steps=[
            StepShape(
                kind=step.kind,
                quantity=step.quantity,
                rate=step.rate,
                amount=step.amount,
                up_to=step.up_to,
                size=step.size,
            )
            for step in line.steps
        ],
        discounts=[DiscountShape(coupon=d.coupon, amount=d.amount) for d in line.discounts],
        meter=line.meter,
        unit=line.unit or None,
        events=way_down(line, billing_account),
        catalog_version=line.catalog_version,
        corrects=line.corrects or None,
        note=line.note,
        explanation=list(explain(line)),
    )
