"""Is everything billed once, and nothing lost? A second opinion, with a code path of its own.

It reads Stripe's lists as the SDK gives them, and the store's rows as SQL gives them, and knows
nothing of the workflows. What it finds are sentences; none is what every plan has to end in.
"""

import json
from collections import Counter, defaultdict
from decimal import Decimal
from typing import Any

from sqlalchemy import text

from tallygate.adapters.store import Store

ALL = {"limit": 100}
MINUTE = 60_000_000
_CUSTOMERS = "SELECT billing_account, customer FROM provider_customers"
COUNTING = ("open", "paid", "uncollectible")


def differences(store: Store, v1: Any) -> list[str]:
    """Everything in which Stripe and the store differ, account by account; none: they agree."""
    found = [*_left_open(store), *_strangers(store, v1)]
    for account, customer in _rows(
        store, "SELECT billing_account, customer FROM provider_customers"
    ):
        found += _of_customer(store, v1, str(account), str(customer))
    return found


def _of_customer(store: Store, v1: Any, account: str, customer: str) -> list[str]:
    owner = v1.customers.retrieve(customer)
    gone = bool(getattr(owner, "deleted", False))
    theirs = [_plain(one) for one in _listed(v1.invoices, {"customer": customer})]
    ours = _rows(
        store,
        "SELECT c.invoice, c.state, i.reason, c.shortfall, c.carried_by, c.provider_invoices, "
        "(SELECT coalesce(sum(l.amount - l.discount), 0) FROM invoice_lines l "
        " WHERE l.invoice = c.invoice) AS total "
        "FROM collections c JOIN invoices i ON i.id = c.invoice WHERE c.billing_account = :it",
        it=account,
    )
    said = [*_sums(v1, account, ours, theirs), *_stands_twice(account, ours, theirs)]
    said += _usage(store, v1, customer, ours, theirs) if not gone else []
    if not gone:
        subscriptions = _listed(v1.subscriptions, {"customer": customer, "status": "all"})
        live = [one.id for one in subscriptions if one.status not in _OVER]
        if len(live) > 1:
            said.append(f"{account} has {len(live)} subscriptions: {live}")
    return said


_METERED = (
    "SELECT position, price, quantity, period_start, period_end FROM invoice_lines "
    "WHERE invoice = :it AND kind = 'metered'"
)
_OVER = ("canceled", "incomplete_expired")


def _sums(v1: Any, account: str, ours: list[Any], theirs: list[Any]) -> list[str]:
    """What all of Stripe's invoices come to before tax, less what was credited, and ours."""
    said = [f"{account}: {one['id']} is a draft" for one in theirs if one["status"] == "draft"]
    there = sum(_total(one) for one in theirs if one["status"] in COUNTING)
    for one in theirs:
        if one["status"] in COUNTING:
            notes = [_plain(note) for note in _listed(v1.credit_notes, {"invoice": one["id"]})]
            there -= sum(note["amount"] for note in notes if note["status"] == "issued")
    here = sum(row.total for row in ours if row.state != "void")
    if here != there:
        said.append(f"{account}: Stripe has billed {there}, and we {here}")
    for row in ours:
        if row.state in {"waiting", "held"}:
            said.append(f"{account}: {row.invoice} is {row.state}")
        if row.shortfall and row.carried_by is None:
            said.append(f"{account}: {row.invoice} lacks {row.shortfall}")
    return said


def _stands_twice(account: str, ours: list[Any], theirs: list[Any]) -> list[str]:
    """No invoice of Stripe's stands for two of ours, and none of ours was made twice there."""
    claimed = Counter(
        ident
        for row in ours
        for ident in json.loads(row.provider_invoices)
        if ident.startswith("in_")
    )
    said = [f"{account}: {ident} stands for {n} of ours" for ident, n in claimed.items() if n > 1]
    counting = [one for one in theirs if one["status"] in COUNTING]
    marks = Counter(_mark(one) for one in counting if _mark(one) is not None)
    said += [f"{account}: {mark} was billed {n} times" for mark, n in marks.items() if n > 1]
    said += [
        f"{account}: {one['id']} stands for none of ours"
        for one in counting
        if _total(one) and one["id"] not in claimed
    ]
    for one in theirs:
        items = Counter(
            item for line in one["lines"]["data"] if (item := _meta(line, "tallygate_item"))
        )
        said += [
            f"{one['id']}: the item {item} is there {n} times"
            for item, n in items.items()
            if n > 1
        ]
    return said


def _usage(store: Store, v1: Any, customer: str, ours: list[Any], theirs: list[Any]) -> list[str]:
    """What Stripe has counted of each metered price of a period is what our invoice charges."""
    there = {one["id"]: one for one in theirs}
    meters = {one.event_name: one.id for one in _listed(v1.billing.meters, {})}
    said = []
    for row in ours:
        found = [there[ident] for ident in json.loads(row.provider_invoices) if ident in there]
        settled = found and all(one["status"] in COUNTING for one in found)
        if not settled or row.reason != "boundary":
            continue
        put = {_meta(line, "tallygate_item") for one in found for line in one["lines"]["data"]}
        marks = [mark.rpartition("/")[2] for mark in put if mark]
        places = {int(mark) for mark in marks if mark.isdigit()}
        lines = [one for one in _rows(store, _METERED, it=row.invoice) if one.price in meters]
        for price in sorted({one.price for one in lines}):
            parts = [one for one in lines if one.price == price]
            wanted = sum(Decimal(one.quantity) for one in parts if one.position not in places)
            window = {
                "customer": customer,
                "start_time": -(-min(one.period_start for one in parts) // MINUTE) * 60,
                "end_time": max(one.period_end for one in parts) // MINUTE * 60,
            }
            sums = v1.billing.meters.event_summaries.list(meters[price], window).data
            counted = sum(Decimal(str(one.aggregated_value)) for one in sums)
            if counted != wanted:
                said.append(f"{row.invoice}: {price} is {counted} there, {wanted} here")
    return said


def _left_open(store: Store) -> list[str]:
    unfinished = _rows(store, "SELECT id, sentence FROM outbox WHERE state IN ('waiting', 'sent')")
    waiting = _rows(store, "SELECT identifier FROM reported_totals WHERE state = 'waiting'")
    return [
        *(f"the intent {one.id} is unfinished: {one.sentence}" for one in unfinished),
        *(f"the total {one.identifier} was not sent" for one in waiting),
    ]


def _strangers(store: Store, v1: Any) -> list[str]:
    """Of each account there is one customer, and it is the one that we know."""
    known = {
        str(row.billing_account): str(row.customer)
        for row in _rows(store, "SELECT billing_account, customer FROM provider_customers")
    }
    marked: defaultdict[str, list[str]] = defaultdict(list)
    for one in _listed(v1.customers, {}):
        account = _meta(_plain(one), "tallygate_account")
        if account:
            marked[account].append(one.id)
    return [
        f"{account} has the customers {ids}, and we know {known.get(account)}"
        for account, ids in marked.items()
        if ids != [known.get(account)]
    ]


def _listed(service: Any, asked: dict[str, Any]) -> list[Any]:
    return list(service.list(asked | ALL).auto_paging_iter())


def _plain(found: Any) -> dict[str, Any]:
    plain: dict[str, Any] = found.to_dict()
    return plain


def _total(invoice: dict[str, Any]) -> int:
    without = invoice.get("total_excluding_tax")
    return int(invoice["total"] if without is None else without)


def _mark(invoice: dict[str, Any]) -> str | None:
    return _meta(invoice, "tallygate_invoice")


def _meta(found: dict[str, Any], name: str) -> str | None:
    value: str | None = (found.get("metadata") or {}).get(name)
    return value


def _rows(store: Store, question: str, **given: str) -> list[Any]:
    with store.read() as tx:
        return list(tx.execute(text(question), given))
