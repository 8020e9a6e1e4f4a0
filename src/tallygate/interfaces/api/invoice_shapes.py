"""How does an invoice look on the wire?"""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from tallygate.collection.records import Collected
from tallygate.interfaces.api.collection_shapes import CollectionShape, collection_shape
from tallygate.interfaces.api.line_shapes import LineShape, line_shape
from tallygate.interfaces.api.wire import Instant, PeriodShape, Shape, period_shape
from tallygate.invoicing.model import Invoice
from tallygate.workflows.questions.preview import Told


class InvoiceShape(Shape):
    """An invoice; a preview has no id and no number. Totals are before tax."""

    id: str | None
    object: Literal["invoice"] = "invoice"
    number: int | None
    organization: str
    billing_account: str
    subscription: str
    reason: Literal["subscribe", "boundary", "change", "end", "adjustment"]
    currency: str
    dated: Instant
    period: PeriodShape = Field(description="The period whose metered usage it bills.")
    lines: list[LineShape]
    subtotal: int = Field(description="Before discounts, in minor units.")
    discount: int
    total: int = Field(description="What is owed, before tax, in minor units.")
    coupons: list[str]
    collection: CollectionShape | None = Field(
        default=None, description="How it is collected; null: not through a payment provider."
    )


class ToldShape(Shape):
    """One line of an invoice, in sentences, and the way down to its events."""

    price: str
    amount: int
    net: int
    period: PeriodShape
    sentences: list[str]
    subjects: list[str] = Field(description="What the account paid for in the period.")
    events: str | None = Field(description="Where the events behind the line are listed.")


class ExplainedShape(Shape):
    """An invoice, line by line, in sentences."""

    object: Literal["explanation"] = "explanation"
    invoice: str
    currency: str
    total: int
    lines: list[ToldShape]


def invoice_shape(
    invoice: Invoice, collected: Collected | None = None, *, operator: bool = False
) -> InvoiceShape:
    """An invoice on the wire, and how it is collected; `operator` is told of differences."""
    return InvoiceShape(
        id=invoice.id or None,
        number=invoice.number,
        organization=invoice.organization,
        billing_account=invoice.billing_account,
        subscription=invoice.subscription,
        reason=invoice.reason,
        currency=invoice.currency,
        dated=invoice.dated,
        period=period_shape(invoice.period),
        lines=[line_shape(line, invoice.billing_account) for line in invoice.lines],
        subtotal=invoice.subtotal,
        discount=invoice.discount,
        total=invoice.total,
        coupons=list(invoice.coupons),
        collection=None if collected is None else collection_shape(collected, operator=operator),
    )


def explained_shape(invoice: Invoice, told: Sequence[Told]) -> ExplainedShape:
    """An invoice's lines in sentences."""
    return ExplainedShape(
        invoice=invoice.id,
        currency=invoice.currency,
        total=invoice.total,
        lines=[
            ToldShape(
                price=one.line.price,
                amount=one.line.amount,
                net=one.line.net,
                period=period_shape(one.line.period),
                sentences=list(one.sentences),
                subjects=list(one.subjects),
                events=one.events or None,
            )
            for one in told
        ],
    )
