"""The next invoice, before it exists: made by the functions that will make it, from a copy.

Source: https://docs.stripe.com/api/invoices/create_preview. Usage is what is known so far.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tallygate_sandbox import invoices
from tallygate_sandbox.invoices import NewLine, dunning
from tallygate_sandbox.subscriptions import billing, phases, rolling, timers
from tallygate_sandbox.subscriptions.changes import Outcome
from tallygate_sandbox.subscriptions.lines import Due, lines_of, with_discounts
from tallygate_sandbox.subscriptions.subscription import Contract
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Obj, Seen, World, due


@dataclass
class Asked:
    """What a preview is to hold beside the subscription's own: items, discounts; or less of it."""

    items: Sequence[NewLine] = ()
    discounts: Sequence[str] | None = None
    recurring: bool = False
    period: tuple[int, int] | None = None
    more: Obj = field(default_factory=dict)


def next_invoice(contract: Contract, asked: Asked) -> Obj:
    """The invoice of the next renewal, or of the end; the contract, a copy, is changed.

    Raises:
        Refusal: nothing will be billed any more.
    """
    sub = contract.sub
    at = timers.renews_at(contract)
    if at is None:
        raise no_upcoming(sub["customer"])
    since = rolling.looks_back_to(contract, at)
    if timers.ends_at(sub, at):
        dues = rolling.usage_until(contract, at)
        if not dues and not _waiting(contract) and not asked.items:
            raise no_upcoming(sub["customer"])
    else:
        if sub["status"] == "trialing" and sub["trial_end"] <= at:
            sub["status"] = "active"
        dues = rolling.arrears(contract, at)
        phases.enter_if_due(contract, at)
        dues += rolling.advance(contract, at)
        nothing = not dues and not asked.items and not _waiting(contract)
        if nothing and any((item.get("_prebilled_until") or 0) > at for item in contract.items):
            return next_invoice(contract, asked)
    return invoice_for(contract, dues, (since, at), at, asked)


def _waiting(contract: Contract) -> Sequence[Seen]:
    sub = contract.sub
    return invoices.pending_items(contract.world, sub["customer"], sub["id"])


def invoice_for(
    contract: Contract, dues: Sequence[Due], period: tuple[int, int], at: int, asked: Asked
) -> Obj:
    """An invoice made at an instant, not stored."""
    world, sub = contract.world, contract.sub
    discounts = asked.discounts
    if discounts is None:
        discounts = billing.discounts_at(world, sub, at)
    grace = dunning.settings(world).grace_seconds
    charged = sub["collection_method"] == "charge_automatically"
    dated = {
        "created": at,
        "collection_method": sub["collection_method"],
        "next_payment_attempt": at + grace if charged else None,
    }
    return invoices.preview_of(
        world,
        customer=sub["customer"],
        currency=sub["currency"],
        reason="upcoming",
        lines=lines_of(world, sub, with_discounts(world, dues, at)),
        items=() if asked.recurring else asked.items,
        period=period,
        subscription=sub,
        discounts=discounts,
        include_pending=not asked.recurring,
        more=billing.carried(sub) | dated | asked.more,
    )


def invoice_after(contract: Contract, outcome: Outcome, behavior: str, asked: Asked) -> Obj:
    """The first invoice after a change: at once where it is invoiced at once, else the next."""
    now = contract.now()
    asked.items = [*outcome.lines, *asked.items]
    always = behavior == "always_invoice" and outcome.lines
    if not asked.recurring and (outcome.dues or outcome.at_once or always):
        started = min(item["current_period_start"] for item in contract.items)
        return invoice_for(contract, outcome.dues, (min(started, now), now), now, asked)
    return next_invoice(contract, asked)


def no_upcoming(customer: str) -> Refusal:
    return Refusal(
        f"No upcoming invoices for customer: {customer}",
        status=404,
        code="invoice_upcoming_none",
    )


@due("subscription.upcoming")
def tell(world: World, ident: str) -> None:
    """Some days before a renewal, say what its invoice will hold."""
    contract = Contract.copied(world, ident)
    at = timers.renews_at(contract)
    if at is None:
        return
    coming = next_invoice(contract, Asked())
    # As with a preview: what stands in it was needed to compute it, and has not happened.
    world.objects.roll_back()
    world.timers.roll_back()
    world.stop_timer("subscription.upcoming", contract.sub)
    if coming["created"] == at:
        world.emit("invoice.upcoming", coming)
