"""What stands on an invoice?

At the beginning: flats and counted prices in advance. At a boundary: those for the period that
begins, and for the one that ends what was used, what counted prices owe beyond their advance, and
plan changes that were not invoiced at once. At an end: what is in arrears only, and refunds where
they were asked for. A plan change that is an upgrade: its flats, at once.

The coupons that hold on the date of the invoice then take their part off what they may touch.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from tallygate.catalog.model import Coupon
from tallygate.core.period import Period, instant_text
from tallygate.invoicing.contract import Contract
from tallygate.invoicing.counted import INSTANT, counted_corrections, counted_in_advance
from tallygate.invoicing.flats import (
    credits_corrected,
    flat_changes,
    flats_in_advance,
    flats_refunded,
)
from tallygate.invoicing.metered import Settled, metered_lines
from tallygate.invoicing.model import Invoice, InvoiceReason
from tallygate.rating.discounts import apply_coupons, holds, taken_off
from tallygate.rating.line import Line
from tallygate.subscriptions.calendar import due, end_of, window
from tallygate.subscriptions.model import Redemption, Subscription


def first_invoice(contract: Contract, position: int) -> Invoice | None:
    """The invoice of subscribing; None where the plan has nothing to bill in advance."""
    at = contract.subscription.started_at
    lines = _in_advance(contract, at)
    return _invoice(
        contract, "subscribe", lines, dated=at, period=Period(at, at), position=position
    )


def change_invoice(contract: Contract, at: datetime, position: int) -> Invoice | None:
    """The invoice of a plan change that is billed at once; None where nothing is owed for it.

    The contract's subscription is the changed one. Changes earlier in the period that wait for
    its end are settled too. Where the change started the calendar anew, it is billed as a
    beginning.
    """
    subscription = contract.subscription
    anew = subscription.anchor == at == subscription.billed_until != subscription.started_at
    lines = flat_changes(contract, subscription.billed_until, at)
    if anew:
        lines += counted_in_advance(contract, at)
    return _invoice(contract, "change", lines, dated=at, period=Period(at, at), position=position)


def close_invoice(
    contract: Contract, adjustments: Iterable[Line], position: int
) -> Invoice | None:
    """The invoice of the next boundary, or of the end; None where nothing stands on it.

    It is a preview as long as it is not saved, and, before the boundary, as long as more can be
    used.
    """
    subscription = contract.subscription
    at, closed = due(subscription), window(subscription)
    if at is None:
        return None
    end = end_of(subscription)
    ending = end is not None and end <= at
    lines = [] if ending else _in_advance(contract, at)
    past = arrears(contract, closed, ending=ending)
    lines += past
    if ending and subscription.refund:
        lines += flats_refunded(contract, at, past)
    lines += adjustments
    reason: InvoiceReason = "end" if ending else "boundary"
    invoice = _invoice(contract, reason, lines, dated=at, period=closed, position=position)
    if invoice is None:
        return None
    # Credits are net and no coupon touches them: they can only be compared after the coupons.
    corrected = credits_corrected(contract, invoice.lines, at)
    return replace(invoice, lines=(*invoice.lines, *corrected))


def arrears(
    contract: Contract, closed: Period, *, ending: bool, settled: Settled | None = None
) -> list[Line]:
    """What a window owes once it is over, before coupons."""
    lines = counted_corrections(contract, closed, ending=ending)
    lines += metered_lines(contract, closed, ending=ending, settled=settled)
    if closed.start < closed.end:
        lines += flat_changes(contract, closed.start, closed.end - INSTANT)
    return lines


def after_close(subscription: Subscription, invoice: Invoice | None) -> Subscription:
    """The subscription once its next boundary, or its end, has been closed."""
    at, end = due(subscription), end_of(subscription)
    assert at is not None, "there was something to close"
    ended = end is not None and end <= at
    closed = replace(
        subscription,
        billed_until=at,
        ended_at=end if ended else subscription.ended_at,
        closed=ended,
    )
    return spend(closed, invoice)


def spend(subscription: Subscription, invoice: Invoice | None) -> Subscription:
    """The subscription, with its coupons noted as spent by an invoice that had use for them.

    Only of a `once` coupon does that matter.
    """
    if invoice is None:
        return subscription
    taken = taken_off(invoice.lines)

    def spent(redemption: Redemption) -> Redemption:
        if redemption.spent_by is None and redemption.coupon in taken:
            return replace(redemption, spent_by=_spender(invoice))
        return redemption

    return replace(subscription, redemptions=tuple(map(spent, subscription.redemptions)))


def named(subscription: Subscription, invoice: Invoice, id_: str) -> tuple[Subscription, Invoice]:
    """A foreseen invoice with the id that it is saved by, which is also what spent its coupons."""
    foreseen = _spender(invoice)
    redemptions = tuple(
        replace(redemption, spent_by=id_) if redemption.spent_by == foreseen else redemption
        for redemption in subscription.redemptions
    )
    return replace(subscription, redemptions=redemptions), replace(invoice, id=id_)


def _spender(invoice: Invoice) -> str:
    """What spends a coupon: an invoice's id; of a foreseen one the instant that it is dated."""
    return invoice.id or instant_text(invoice.dated)


def coupons_on(contract: Contract, dated: datetime) -> tuple[Coupon, ...]:
    """The coupons that hold on the next invoice, of this date, in the order of redemption."""
    found = []
    for redemption in contract.subscription.redemptions:
        coupon = contract.catalogs[redemption.catalog_version].coupons[redemption.coupon]
        spent = redemption.spent_by is not None
        if holds(coupon, redeemed_at=redemption.redeemed_at, dated=dated, spent=spent):
            found.append(coupon)
    return tuple(found)


def coupons_of(contract: Contract, invoice: Invoice) -> tuple[Coupon, ...]:
    """The coupons that an invoice had, in their order.

    A `once` coupon is another invoice's, until then or in future, where this one did not spend it.
    """
    found = []
    for redemption in contract.subscription.redemptions:
        coupon = contract.catalogs[redemption.catalog_version].coupons[redemption.coupon]
        foreign = coupon.duration == "once" and redemption.spent_by != _spender(invoice)
        if coupon.key in invoice.coupons and not foreign:
            found.append(coupon)
    return tuple(found)


def _in_advance(contract: Contract, at: datetime) -> list[Line]:
    return flats_in_advance(contract, at) + counted_in_advance(contract, at)


def _invoice(
    contract: Contract,
    reason: InvoiceReason,
    lines: list[Line],
    *,
    dated: datetime,
    period: Period,
    position: int,
) -> Invoice | None:
    if not lines:
        return None
    subscription, coupons = contract.subscription, coupons_on(contract, dated)
    return Invoice(
        id="",
        organization=subscription.organization,
        billing_account=subscription.billing_account,
        subscription=subscription.id,
        reason=reason,
        currency=subscription.currency,
        dated=dated,
        period=period,
        position=position,
        lines=apply_coupons(lines, coupons),
        coupons=tuple(coupon.key for coupon in coupons),
    )
