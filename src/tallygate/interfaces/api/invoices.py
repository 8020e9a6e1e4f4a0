"""What was billed, what will be billed, and why?"""

from typing import Annotated, Literal

from fastapi import Query

from tallygate.adapters.store import invoices
from tallygate.core.errors import Invalid, NotFound
from tallygate.interfaces.api.callers import By, Here
from tallygate.interfaces.api.invoice_shapes import (
    ExplainedShape,
    InvoiceShape,
    explained_shape,
    invoice_shape,
)
from tallygate.interfaces.api.pages import DEFAULT_LIMIT, Cursor, Limit, check_cursor, page
from tallygate.interfaces.api.routes import PLATFORM_WRITES, READS, guarded_router
from tallygate.interfaces.api.wire import Id, Page, Reference, Shape
from tallygate.workflows import preview
from tallygate.workflows.close import close_due

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


@router.get("", summary="List invoices", openapi_extra=READS)
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
    return page(found, limit, invoice_shape)


@router.get("/preview", summary="Preview the next invoice", openapi_extra=READS)
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


@router.get("/{invoice}", summary="Read an invoice", openapi_extra=READS)
def get_invoice(invoice: Id, here: Here, caller: By) -> InvoiceShape:
    """One invoice, by its id."""
    with here.store.read() as tx:
        found = invoices.get(tx, invoice, caller.tenant())
    if found is None:
        raise NotFound(f"There is no invoice {invoice}.", param="invoice")
    return invoice_shape(found)


@router.get("/{invoice}/explain", summary="Explain an invoice", openapi_extra=READS)
def explain_invoice(invoice: Id, here: Here, caller: By) -> ExplainedShape:
    """Each line in sentences, with the way down to its events."""
    found, told = preview.explain(here, invoice, tenant=caller.tenant())
    return explained_shape(found, told)
