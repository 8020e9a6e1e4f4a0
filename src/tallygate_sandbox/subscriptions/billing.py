"""A subscription's invoices: made from what is due, settled at once or an hour later.

Sources: https://docs.stripe.com/billing/subscriptions/overview (payment behavior) and
https://docs.stripe.com/billing/invoices/subscription (the hour of grace). Limits on new invoices:
https://docs.stripe.com/billing/subscriptions/overview#subscription-limits.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from tallygate_sandbox import invoices, payments
from tallygate_sandbox.invoices import NewLine
from tallygate_sandbox.invoices.endings import mark_uncollectible
from tallygate_sandbox.invoices.invoice import lines_of as lines_on
from tallygate_sandbox.products import discounts
from tallygate_sandbox.subscriptions.lines import Due, lines_of, with_discounts
from tallygate_sandbox.subscriptions.subscription import Contract
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Obj, Seen, World, when

MINUTE, DAY = 60, 86_400
MOST_PER_MINUTE, MOST_PER_DAY = 10, 20
HOLDS_BACK = frozenset({"keep_as_draft"})


def make_draft(
    contract: Contract,
    reason: str,
    dues: Sequence[Due],
    period: tuple[int, int],
    *,
    more_lines: Sequence[NewLine] = (),
    include_pending: bool = True,
) -> Obj:
    """Make a draft, remember what its lines stand for, and note it as the latest invoice.

    It advances by itself, an hour later, unless collection is paused or nothing is collected any
    more (unpaid).
    """
    world, sub = contract.world, contract.sub
    dues = with_discounts(world, dues, contract.now())
    made = [(one, lines_of(world, sub, [one])) for one in dues]
    draft = invoices.create_draft(
        world,
        customer=sub["customer"],
        currency=sub["currency"],
        reason=reason,
        lines=[line for _, lines in made for line in lines] + list(more_lines),
        period=period,
        subscription=sub,
        collection_method=sub["collection_method"],
        days_until_due=sub["days_until_due"],
        auto_advance=advances(sub),
        discounts=discounts_at(world, sub, contract.now()),
        include_pending=include_pending,
        more=carried(sub),
    )
    if not more_lines and any(due.quantity is None for due in dues):
        world.edit("invoice", draft["id"])["_dues"] = [due.stored() for due in dues]
    sub["latest_invoice"] = draft["id"]
    _remember_debits(contract, made, draft["id"])
    return draft


def advances(sub: Seen) -> bool:
    """Does a new draft of this subscription go on by itself?"""
    paused = sub["pause_collection"]
    held_back = paused is not None and paused["behavior"] in HOLDS_BACK
    return not held_back and sub["status"] != "unpaid"


def carried(sub: Seen) -> dict[str, Any]:
    """What an invoice takes over from its subscription."""
    settings = sub["invoice_settings"]
    fields: dict[str, Any] = {"default_tax_rates": sub["default_tax_rates"]}
    for name in ("description", "footer", "custom_fields", "account_tax_ids"):
        if settings.get(name):
            fields[name] = settings[name]
    if sub["automatic_tax"]["enabled"]:
        fields["automatic_tax"] = {"enabled": True, "liability": {"type": "self"}}
    return fields


def discounts_at(world: World, sub: Seen, at: int) -> list[str]:
    """The subscription's discounts that hold at an instant."""
    return [one for one in sub["discounts"] if discounts.holds(world, one, at)]


def let_ended_discounts_go(contract: Contract) -> None:
    """A discount whose months are over is gone at the renewal, as one that is spent."""
    world, now = contract.world, contract.now()
    for holder in (contract.sub, *contract.items):
        ended = [one for one in holder["discounts"] if not discounts.holds(world, one, now)]
        for one in ended:
            holder["discounts"].remove(one)
            discounts.drop(world, one)


@when("invoice.finalized")
def spend_discounts(world: World, invoice: Seen) -> None:
    """A discount of duration `once` is gone from whoever has it when an invoice has used it."""
    sub = world.find("subscription", subscription_of(invoice))
    if sub is None:
        return
    _spend(world, invoice["discounts"], "subscription", sub)
    own = [d for line in lines_on(world, invoice["id"]) for d in line["discounts"]]
    for ident in sub["_items"] if own else ():
        _spend(world, own, "subscription_item", world.get("subscription_item", ident))


def _spend(world: World, used: Iterable[str], kind: str, holder: Seen) -> None:
    for ident in dict.fromkeys(used):
        discounts.spend(world, ident)
        if ident in holder["discounts"] and world.get("discount", ident)["_spent"]:
            world.edit(kind, holder["id"])["discounts"].remove(ident)
            discounts.drop(world, ident)


def _remember_debits(
    contract: Contract, made: Iterable[tuple[Due, list[NewLine]]], invoice: str
) -> None:
    """Note what was billed in advance, by which a later credit is measured."""
    by_id = {item["id"]: item for item in contract.items}
    for due, lines in made:
        if due.quantity is None or due.item not in by_id:
            continue
        amount = sum(line.amount for line in lines)
        note_debit(by_id[due.item], due.start, due.end, amount, invoice)
        by_id[due.item]["billed_until"] = due.end


def note_debit(item: Obj, start: int, end: int, amount: int, invoice: str | None) -> None:
    """Note on an item what was billed for a part of a period; earlier periods are forgotten."""
    over = min(start, item["current_period_start"])
    kept = [one for one in item["_debits"] if one["end"] > over]
    debit = {"start": start, "end": end, "amount": amount, "invoice": invoice}
    item["_debits"] = [*kept, debit]


@when("invoice.finalizing")
def read_usage_again(world: World, invoice: Seen) -> None:
    """Late usage still counts: before finalizing, the lines are made once more."""
    dues = invoice.get("_dues")
    sub = world.find("subscription", subscription_of(invoice)) if dues else None
    if dues is None or sub is None:
        return
    lines = lines_of(world, sub, [Due.restored(kept) for kept in dues])
    invoices.replace_lines(world, invoice["id"], lines)


def subscription_of(invoice: Seen) -> str | None:
    """The subscription for which an invoice was made."""
    details = (invoice["parent"] or {}).get("subscription_details")
    return details["subscription"] if details else None


def count_invoice(contract: Contract) -> None:
    """Count an invoice that a request makes.

    Raises:
        Refusal: 10 in a minute or 20 in a day were made for this subscription already.
    """
    sub, now = contract.sub, contract.now()
    made = [at for at in sub["_invoiced_at"] if at > now - DAY]
    if (
        len([at for at in made if at > now - MINUTE]) >= MOST_PER_MINUTE
        or len(made) >= MOST_PER_DAY
    ):
        raise Refusal(
            f"Subscription {sub['id']} has too many new invoices: at most {MOST_PER_MINUTE} a "
            f"minute and {MOST_PER_DAY} a day can be created for one subscription.",
            status=429,
            type="rate_limit_error",
            code="rate_limit",
            headers={"Stripe-Rate-Limited-Reason": "resource-specific"},
        )
    sub["_invoiced_at"] = [*made, now]


def settle(contract: Contract, draft: Seen, behavior: str, *, off_session: bool = True) -> Seen:
    """Finalize a draft at once, and try to pay it unless the caller will confirm it later.

    Raises:
        Refusal: 402 with error_if_incomplete, when it is not paid.
    """
    world, sub = contract.world, contract.sub
    paused = sub["pause_collection"]
    if paused and paused["behavior"] == "keep_as_draft":
        return draft
    invoice: Seen = invoices.finalize(world, draft["id"])
    if paused:
        return put_aside(world, invoice, paused["behavior"])
    if invoice["status"] != "open" or sub["collection_method"] == "send_invoice":
        return world.get("invoice", invoice["id"])
    if behavior != "default_incomplete":
        invoices.attempt_payment(world, invoice["id"], off_session=off_session)
    invoice = world.get("invoice", invoice["id"])
    if behavior == "error_if_incomplete" and invoice["status"] == "open":
        raise declined(world, invoice)
    return invoice


def put_aside(world: World, invoice: Seen, behavior: str) -> Seen:
    """What paused collection does with an invoice that was finalized."""
    if invoice["status"] == "open" and behavior == "void":
        invoices.void(world, invoice["id"])
    elif invoice["status"] == "open" and behavior == "mark_uncollectible":
        mark_uncollectible(world, invoice["id"])
    return world.get("invoice", invoice["id"])


def declined(world: World, invoice: Seen) -> Refusal:
    """The card error of an invoice that was not paid at once; nothing of the request stays."""
    error: dict[str, Any] = {}
    for payment in world.where("invoice_payment", "invoice", invoice["id"]):
        intent = world.find("payment_intent", payment["payment"]["payment_intent"])
        error = (intent or {}).get("last_payment_error") or error
    more = {key: error[key] for key in ("decline_code", "advice_code") if error.get(key)}
    return Refusal(
        error.get(
            "message",
            "Payment for this subscription requires additional user action "
            "before it can be completed successfully.",
        ),
        status=402,
        type="card_error",
        code=error.get("code", "subscription_payment_intent_requires_action"),
        more=more,
    )


def pays_with(contract: Contract) -> str | None:
    """The payment method that would pay this subscription's invoices."""
    return payments.default_method(contract.world, contract.sub["customer"], contract.sub)


def no_method() -> Refusal:
    """Nothing would pay: as recorded."""
    return Refusal(
        "This customer has no attached payment source or default payment method. Please consider "
        "adding a default payment method. For more information, visit "
        "https://stripe.com/docs/billing/subscriptions/payment-methods-setting"
        "#payment-method-priority.",
        code="resource_missing",
    )
