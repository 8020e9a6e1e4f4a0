"""What is seen of a story's customers: here, and at Stripe?"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from tallygate.adapters.store import collections, customers, invoices, mirrors, notices
from tallygate.collection.records import Collected
from tallygate.collection.seen import Seen
from tallygate.core.money import main_units
from tallygate.core.period import instant_text
from tallygate.interfaces.cli.demo.telling import StoryBroken
from tallygate.interfaces.cli.demo.till import Till
from tallygate.invoicing.model import Invoice
from tallygate.workflows.mirror.reconcile import reconcile
from tallygate.workflows.mirror.sync_view import standings


def status(till: Till, account: str) -> dict[str, Any]:
    """How the account stands at the provider, as we know it."""
    with till.installation.store.read() as tx:
        found = mirrors.of_account(tx, account)
    if not found:
        return {"status": "none"}
    end = found[0].cancel_at
    return {"status": found[0].status, "ends": None if end is None else instant_text(end)}


def collected(
    till: Till, account: str, shown: Callable[[Invoice], dict[str, Any]], since: datetime | None
) -> list[dict[str, Any]]:
    """Every invoice of the account from a date on, how far it has come, and what Stripe asks.

    Raises:
        StoryBroken: Stripe asks for another sum than we do.
    """
    with till.installation.store.read() as tx:
        kept = [
            one
            for one in collections.of_account(tx, account)
            if since is None or one.dated >= since
        ]
        made = {one.invoice: invoices.get(tx, one.invoice) for one in kept}
        customer = customers.customer_of(tx, account)
    asked = [id_ for one in kept for id_ in one.provider_invoices if id_.startswith("in_")]
    seen = None if customer is None else till.books.look(customer, till.clock.now(), asked)
    every = []
    for one in kept:
        invoice = made[one.invoice]
        assert invoice is not None, "an invoice is never deleted"
        there = _asked_there(one, seen)
        if one.state in {"open", "paid"} and there not in {None, one.total}:
            raise StoryBroken(f"Stripe asks for {there} where we ask for {one.total}: {one}")
        facts = {
            "dated": instant_text(one.dated)[:10],
            "reason": invoice.reason,
            "currency": invoice.currency,
            "there": None if there is None else str(main_units(there, one.currency)),
            "state": one.state,
            "differences": list(one.differences),
        }
        every.append(shown(invoice) | facts)
    return every


def told(till: Till, account: str) -> dict[str, Any]:
    """What the account was told, in the order in which it was written down."""
    with till.installation.store.read() as tx:
        found = notices.of_account(tx, account)
    return {
        "kinds": [one.kind for one in found],
        "tried_again": [
            one.facts["next_attempt"][:10] for one in found if "next_attempt" in one.facts
        ],
    }


def reported(till: Till, account: str) -> dict[str, Any]:
    """What Stripe has counted in the present period, beyond what is included, by price."""
    found = standings(till.installation, till.books, account)
    return {one.price: one.shown or 0 for one in found}


def would_report(till: Till, account: str) -> dict[str, Any]:
    """The running totals that a sync would report now, by price."""
    found = standings(till.installation, till.books, account)
    return {one.price: one.total for one in found if one.changes}


def reconciled(till: Till) -> dict[str, Any]:
    """On how many accounts the provider and we differ, and in what."""
    looked: list[Any] = []
    found = reconcile(till.installation, till.books, told=looked.append)
    said = [str(one.findings) for one in found]
    return {"accounts": len(looked), "differ": len(found), "said": said}


def _asked_there(collected: Collected, seen: Seen | None) -> int | None:
    """What the provider's invoices of one of ours come to; None: none of them is final."""
    found = [] if seen is None else [seen.invoice(id_) for id_ in collected.provider_invoices]
    final = [one for one in found if one is not None and one.is_final]
    return sum(one.total for one in final) if final else None
