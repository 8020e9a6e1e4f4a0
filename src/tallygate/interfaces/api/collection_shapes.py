"""How does it look on the wire how an invoice is collected?"""

from typing import Literal

from pydantic import Field

from tallygate.collection.records import Collected
from tallygate.interfaces.api.wire import Instant, Shape


class CollectionShape(Shape):
    """How far an invoice has come at the payment provider.

    Amounts are in minor units and with tax, as the customer is asked for them.
    """

    object: Literal["collection"] = "collection"
    invoice: str
    state: Literal[
        "waiting", "held", "open", "paid", "uncollectible", "void", "nothing", "not_collected"
    ] = Field(description="`held` waits for an operator; `not_collected`: it is billed elsewhere.")
    since: Instant | None = None
    number: str | None = Field(default=None, description="The provider's number of it.")
    provider_invoices: list[str] = Field(default_factory=list)
    amount_due: int | None = None
    amount_paid: int | None = None
    tax: int | None = None
    attempts: int = 0
    next_attempt: Instant | None = None
    overdue_since: Instant | None = None
    paid_at: Instant | None = None
    hosted_url: str | None = Field(default=None, description="Where it can be seen and paid.")
    pdf_url: str | None = None
    approved: bool = False
    differences: list[str] | None = Field(
        default=None, description="Where the provider and we differ; told to the platform alone."
    )
    shortfall: int | None = Field(
        default=None, description="What a later invoice makes up for; told to the platform alone."
    )
    carried_by: str | None = None


def collection_shape(collected: Collected, *, operator: bool) -> CollectionShape:
    """How an invoice is collected, on the wire; `operator` is told where the two sides differ."""
    return CollectionShape(
        invoice=collected.invoice,
        state=collected.state,
        since=collected.since,
        number=collected.number,
        provider_invoices=list(collected.provider_invoices),
        amount_due=collected.amount_due,
        amount_paid=collected.amount_paid,
        tax=collected.tax,
        attempts=collected.attempts,
        next_attempt=collected.next_attempt,
        overdue_since=collected.overdue_since,
        paid_at=collected.paid_at,
        hosted_url=collected.hosted_url,
        pdf_url=collected.pdf_url,
        approved=collected.approved,
        differences=list(collected.differences) if operator else None,
        shortfall=collected.shortfall if operator else None,
        carried_by=collected.carried_by,
    )
