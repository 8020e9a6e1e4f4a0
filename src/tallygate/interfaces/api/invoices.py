"""What was billed, what will be billed, and why?"""

from typing import Annotated, Literal

from fastapi import Query

from tallygate.adapters.store import collections, invoices
from tallygate.collection.records import Collected
from tallygate.core.errors import Invalid, NotFound
from tallygate.interfaces.api.callers import By, Caller, Here
from tallygate.interfaces.api.collection_shapes import CollectionShape, collection_shape
from tallygate.interfaces.api.invoice_shapes import (
    ExplainedShape,
    InvoiceShape,
    explained_shape,
    invoice_shape,
)
from tallygate.interfaces.api.pages import DEFAULT_LIMIT, Cursor, Limit, check_cursor, page
from tallygate.interfaces.api.routes import PLATFORM_WRITES, SEES_BILLING, guarded_router
from tallygate.interfaces.api.wire import Id, Page, Reference, Shape
from tallygate.invoicing.model import Invoice
from tallygate.workflows.close import close_due
from tallygate.workflows.mirror import decide
from tallygate.workflows.questions import preview

router = guarded_router("/v1/invoices", "invoices")


class Closing(Shape):
    """What to close: everything that is due, or that of one account; kept only with `commit`."""

    billing_account: Reference | None = None
    commit: bool = False


class ClosedShape(Shape):
    """The invoices that closing made, or, without `commit`, would make."""

    object: Literal["closed"] = "closed"
    committed: bool
    invoices: list[InvoiceShape]


@router.get("", summary="List invoices", openapi_extra=SEES_BILLING)
def list_invoices(
    here: Here,
    caller: By,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    organization: Reference | None = None,
    billing_account: Reference | None = None,
) -> Page[InvoiceShape]:
    """In the order of their making."""
    tenant = caller.tenant(organization)
    with here.store.read() as tx:
        found = invoices.page(
            tx,
            tenant,
            billing_account=billing_account,
            after=check_cursor(cursor, "inv"),
            limit=limit + 1,
        )
        collected = collections.of_invoices(tx, [one.id for one in found])
    operator = caller.organization is None
    return page(
        found,
        limit,
        lambda one: invoice_shape(one, collected.get(one.id), operator=operator),
    )


@router.get("/preview", summary="Preview the next invoice", openapi_extra=SEES_BILLING)
def preview_invoice(
    here: Here,
    caller: By,
    subscription: Annotated[Reference | None, Query()] = None,
    billing_account: Annotated[Reference | None, Query()] = None,
) -> InvoiceShape:
    """The invoice that the next close would make, with the usage so far; saves nothing."""
    named = [name for name in (subscription, billing_account) if name is not None]
    if len(named) != 1:
        raise Invalid("Name a subscription or a billing_account.", param="subscription")
    return invoice_shape(preview.preview(here, named[0], tenant=caller.tenant()))


@router.post("/close", summary="Close the periods that are over", openapi_extra=PLATFORM_WRITES)
def close_periods(here: Here, body: Closing | None = None) -> ClosedShape:
    """Bills every boundary that is due. Closing again makes nothing new."""
    wish = body or Closing()
    made = close_due(here, commit=wish.commit, billing_account=wish.billing_account)
    return ClosedShape(committed=wish.commit, invoices=[invoice_shape(one) for one in made])


@router.get("/{invoice}", summary="Read an invoice", openapi_extra=SEES_BILLING)
def get_invoice(invoice: Id, here: Here, caller: By) -> InvoiceShape:
    """One invoice, by its id."""
    found, collected = _found(here, caller, invoice)
    return invoice_shape(found, collected, operator=caller.organization is None)


@router.get("/{invoice}/collection", summary="How it is collected", openapi_extra=SEES_BILLING)
def get_collection(invoice: Id, here: Here, caller: By) -> CollectionShape:
    """How far the invoice has come at the payment provider."""
    found, collected = _found(here, caller, invoice)
    if collected is None:
        return CollectionShape(invoice=found.id, state="not_collected")
    return collection_shape(collected, operator=caller.organization is None)


@router.post("/{invoice}/approve", summary="Approve as it is there", openapi_extra=PLATFORM_WRITES)
def approve_invoice(invoice: Id, here: Here, caller: By) -> CollectionShape:
    """Has a held invoice finalized as the provider has it, in spite of the differences.

    What it lacks of ours, or has too much, is made up for by the account's next invoice.
    """
    return collection_shape(decide.approve(here, invoice, actor=caller.actor), operator=True)


@router.post("/{invoice}/retry", summary="Compare once more", openapi_extra=PLATFORM_WRITES)
def retry_invoice(invoice: Id, here: Here, caller: By) -> CollectionShape:
    """Has a held invoice compared again, after what differed was mended."""
    return collection_shape(decide.retry(here, invoice, actor=caller.actor), operator=True)


@router.get("/{invoice}/explain", summary="Explain an invoice", openapi_extra=SEES_BILLING)
def explain_invoice(invoice: Id, here: Here, caller: By) -> ExplainedShape:
    """Each line in sentences, with the way down to its events."""
    found, told = preview.explain(here, invoice, tenant=caller.tenant())
    return explained_shape(found, told)


def _found(here: Here, caller: Caller, invoice: str) -> tuple[Invoice, Collected | None]:
    """An invoice of the caller's, and how it is collected.

    Raises:
        NotFound: there is none.
    """
    with here.store.read() as tx:
        found = invoices.get(tx, invoice, caller.tenant())
        if found is None:
            raise NotFound(f"There is no invoice {invoice}.", param="invoice")
        return found, collections.get(tx, invoice, caller.tenant())
