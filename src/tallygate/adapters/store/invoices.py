"""How is an invoice kept? Once, and never changed.

An organization's invoices are numbered from 1 without a gap: the number is given in the
transaction that saves the invoice, and there is one writer. A subscription has one invoice for an
instant and a reason, which the database itself makes sure of.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

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
_OF_SUBSCRIPTIONS = (
    select(_i)
    .where(
        _i.c.subscription.in_(bindparam("subscriptions", expanding=True)),
        _i.c.dated >= bindparam("since"),
    )
    .order_by(_i.c.subscription, _i.c.dated, _i.c.number)
)
_NUMBERED = (
    select(_i.c.organization, func.max(_i.c.number).label("number"))
    .where(_i.c.organization.in_(bindparam("organizations", expanding=True)))
    .group_by(_i.c.organization)
)
_ADD, _ADD_LINES = insert(_i), insert(_l)
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
    return add_all(tx, [invoice], at)[0]


def add_all(tx: Transaction, new: Sequence[Invoice], at: datetime) -> list[Invoice]:
    """Keep invoices that have ids. Gives them with their numbers, which follow their order.

    Raises:
        Conflict: a subscription has an invoice for that instant and reason already.
    """
    if not new:
        return []
    numbered = _numbered(tx, new)
    try:
        tx.execute(_ADD, [_row(invoice, at) for invoice in numbered])
    except IntegrityError:
        told = " or ".join(
            f"{invoice.subscription} has an invoice of {instant_text(invoice.dated)} "
            f"for this reason ({invoice.reason})"
            for invoice in new
        )
        raise Conflict(f"The subscription {told} already.") from None
    lines = [
        row
        for invoice in numbered
        for row in line_rows(invoice.lines, invoice.organization, invoice=invoice.id)
    ]
    if lines:
        tx.execute(_ADD_LINES, lines)
    return numbered


def _numbered(tx: Transaction, new: Sequence[Invoice]) -> list[Invoice]:
    """The invoices with the next numbers of their organizations."""
    assert all(invoice.id for invoice in new), "a preview is not saved"
    theirs = {"organizations": list({invoice.organization for invoice in new})}
    last = {row.organization: row.number for row in tx.execute(_NUMBERED, theirs)}
    numbered = []
    for invoice in new:
        number = last[invoice.organization] = last.get(invoice.organization, 0) + 1
        numbered.append(replace(invoice, number=number))
    return numbered


def _row(invoice: Invoice, at: datetime) -> dict[str, Any]:
    return {
        "id": invoice.id,
        "organization": invoice.organization,
        "billing_account": invoice.billing_account,
        "subscription": invoice.subscription,
        "number": invoice.number,
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


def get(tx: Transaction, id_: str, organization: str | None = None) -> Invoice | None:
    """An invoice; None where it is not there, or not the organization's."""
    row = rows.get(tx, _i, id_, organization)
    return None if row is None else _with_lines(tx, [row])[0]


def of_subscription(
    tx: Transaction, subscription: str, since: datetime | None = None
) -> tuple[Invoice, ...]:
    """A subscription's invoices in the order of their dates, those dated since an instant."""
    return of_subscriptions(tx, [subscription], since).get(subscription, ())


def of_subscriptions(
    tx: Transaction, subscriptions: Collection[str], since: datetime | None = None
) -> dict[str, tuple[Invoice, ...]]:
    """The same of several subscriptions, by subscription; one without invoices is left out."""
    earliest = -(2**62) if since is None else to_micros(since)
    theirs = {"subscriptions": list(subscriptions), "since": earliest}
    found = _with_lines(tx, tx.execute(_OF_SUBSCRIPTIONS, theirs).all())
    return {id_: tuple(own) for id_, own in groupby(found, attrgetter("subscription"))}


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
