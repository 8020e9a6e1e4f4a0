"""How is an invoice kept? Once, and never changed.

An organization's invoices are numbered from 1 without a gap: the number is given in the
transaction that saves the invoice, and there is one writer. A subscription has one invoice for an
instant and a reason, which the database itself makes sure of.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import msgspec
from sqlalchemy import bindparam, func, insert, select
from sqlalchemy.exc import IntegrityError

from tallygate.adapters.store import rows
from tallygate.adapters.store.engine import Transaction
from tallygate.adapters.store.lines import line_from, line_rows
from tallygate.adapters.store.rows import AnyRow
from tallygate.adapters.store.tables.contracts import (
    invoice_lines,
    invoices,
    write_off_lines,
    write_offs,
)
from tallygate.core.errors import Conflict
from tallygate.core.period import Period, from_micros, instant_text, to_micros
from tallygate.invoicing.model import Invoice, WriteOff

_i, _l, _w, _wl = invoices, invoice_lines, write_offs, write_off_lines
# Asked so often that making the question anew would take longer than answering it.
_OF_SUBSCRIPTION = (
    select(_i)
    .where(_i.c.subscription == bindparam("subscription"), _i.c.dated >= bindparam("since"))
    .order_by(_i.c.dated, _i.c.number)
)
_LINES = (
    select(_l)
    .where(_l.c.invoice.in_(bindparam("ids", expanding=True)))
    .order_by(_l.c.invoice, _l.c.position)
)
_encode = msgspec.json.Encoder().encode
_coupons = msgspec.json.Decoder(tuple[str, ...]).decode


def add(tx: Transaction, invoice: Invoice, at: datetime) -> Invoice:
    """Keep an invoice that has an id. Gives it with its number.

    Raises:
        Conflict: the subscription has an invoice for that instant and reason already.
    """
    assert invoice.id, "a preview is not saved"
    taken = select(func.max(_i.c.number)).where(_i.c.organization == invoice.organization)
    number = (tx.execute(taken).scalar() or 0) + 1
    row = {
        "id": invoice.id,
        "organization": invoice.organization,
        "billing_account": invoice.billing_account,
        "subscription": invoice.subscription,
        "number": number,
        "reason": invoice.reason,
        "currency": invoice.currency,
        "dated": to_micros(invoice.dated),
        "period_start": to_micros(invoice.period.start),
        "period_end": to_micros(invoice.period.end),
        "position": invoice.position,
        "subtotal": invoice.subtotal,
        "discount": invoice.discount,
        "coupons": _encode(invoice.coupons).decode(),
        "created_at": to_micros(at),
    }
    try:
        tx.execute(insert(_i), row)
    except IntegrityError:
        raise Conflict(
            f"The subscription {invoice.subscription} has an invoice of "
            f"{instant_text(invoice.dated)} for this reason ({invoice.reason}) already."
        ) from None
    lines = line_rows(invoice.lines, invoice.organization, invoice=invoice.id)
    if lines:
        tx.execute(insert(_l), lines)
    return replace(invoice, number=number)


def get(tx: Transaction, id_: str, organization: str | None = None) -> Invoice | None:
    """An invoice; None where it is not there, or not the organization's."""
    row = rows.get(tx, _i, id_, organization)
    return None if row is None else _with_lines(tx, [row])[0]


def of_subscription(
    tx: Transaction, subscription: str, since: datetime | None = None
) -> tuple[Invoice, ...]:
    """A subscription's invoices in the order of their dates, those dated since an instant."""
    earliest = -(2**62) if since is None else to_micros(since)
    its = {"subscription": subscription, "since": earliest}
    return _with_lines(tx, tx.execute(_OF_SUBSCRIPTION, its).all())


def page(
    tx: Transaction,
    organization: str | None,
    *,
    billing_account: str | None = None,
    after: str | None = None,
    limit: int = 100,
) -> tuple[Invoice, ...]:
    """An organization's invoices (None: everybody's) by id, those that come after one."""
    its = rows.within(_i.c.billing_account, billing_account)
    return _with_lines(tx, rows.listed(tx, _i, organization, after, limit, its))


def newest(tx: Transaction, billing_account: str, limit: int) -> tuple[Invoice, ...]:
    """The newest invoices of an account, the newest first."""
    asked = select(_i).where(_i.c.billing_account == billing_account)
    return _with_lines(tx, tx.execute(asked.order_by(_i.c.id.desc()).limit(limit)).all())


def add_write_off(tx: Transaction, write_off: WriteOff, at: datetime) -> None:
    """Keep what is not asked for; it stands for all that was written off before it."""
    row = {
        "id": write_off.id,
        "organization": write_off.organization,
        "billing_account": write_off.billing_account,
        "subscription": write_off.subscription,
        "currency": write_off.currency,
        "dated": to_micros(write_off.dated),
        "position": write_off.position,
        "amount": write_off.amount,
        "created_at": to_micros(at),
    }
    tx.execute(insert(_w), row)
    lines = line_rows(write_off.lines, write_off.organization, write_off=write_off.id)
    if lines:
        tx.execute(insert(_wl), lines)


def latest_write_off(tx: Transaction, subscription: str) -> WriteOff | None:
    """What is written off of a subscription now; None where nothing ever was."""
    asked = (
        select(_w)
        .where(_w.c.subscription == subscription)
        .order_by(_w.c.dated.desc(), _w.c.id.desc())
        .limit(1)
    )
    row = tx.execute(asked).first()
    if row is None:
        return None
    lines = tx.execute(select(_wl).where(_wl.c.write_off == row.id).order_by(_wl.c.position))
    return WriteOff(
        id=row.id,
        organization=row.organization,
        billing_account=row.billing_account,
        subscription=row.subscription,
        currency=row.currency,
        dated=from_micros(row.dated),
        position=row.position,
        lines=tuple(line_from(line) for line in lines),
    )


def _with_lines(tx: Transaction, found: Sequence[AnyRow]) -> tuple[Invoice, ...]:
    if not found:
        return ()
    lines = rows.by_owner(tx.execute(_LINES, {"ids": [row.id for row in found]}), "invoice")
    return tuple(_invoice(row, lines.get(row.id, [])) for row in found)


def _invoice(row: AnyRow, lines: Sequence[AnyRow]) -> Invoice:
    return Invoice(
        id=row.id,
        organization=row.organization,
        billing_account=row.billing_account,
        subscription=row.subscription,
        reason=row.reason,
        currency=row.currency,
        dated=from_micros(row.dated),
        period=Period(from_micros(row.period_start), from_micros(row.period_end)),
        position=row.position,
        lines=tuple(line_from(line) for line in lines),
        number=row.number,
        coupons=_coupons(row.coupons),
    )
