"""A person completes a session: with a card, perhaps a second one, perhaps 3-D Secure.

What a try has made (customer, subscription, intent) stands in the session's `_pending`: the next
try pays the same subscription instead of starting another. The events come in Stripe's order:
customer.created, payment_method.attached, the subscription's and the invoice's, and at last
checkout.session.completed.
"""

from dataclasses import dataclass

from tallygate_sandbox import payments
from tallygate_sandbox.checkout import shapes, taxed
from tallygate_sandbox.checkout.asking import ask, attempt
from tallygate_sandbox.checkout.orders import Order, bill, charge, subscribe
from tallygate_sandbox.checkout.rules import checked_email
from tallygate_sandbox.checkout.sessions import enter_code, open_one
from tallygate_sandbox.checkout.shapes import KIND
from tallygate_sandbox.customers import tax_ids
from tallygate_sandbox.payments import methods, numbers, setups
from tallygate_sandbox.products import discounts
from tallygate_sandbox.wire.refusals import Refusal, missing_param
from tallygate_sandbox.world import Obj, Seen, World, when

ADDRESS = ("line1", "line2", "city", "postal_code", "state", "country")


@dataclass(frozen=True, slots=True)
class Person:
    """What a customer fills in on the page; None where they were not asked."""

    email: str | None = None
    name: str | None = None
    phone: str | None = None
    address: dict[str, str] | None = None
    business_name: str | None = None
    tax_id: dict[str, str] | None = None


NOBODY = Person()


def complete(
    world: World,
    session_id: str,
    card: str | None = None,
    person: Person = NOBODY,
    code: str | None = None,
) -> Refusal | None:
    """Try to complete a session: it is `complete` then, or `open` and awaits 3-D Secure.

    `card` is the number of a test card, a token such as pm_card_visa, or a method of the customer;
    `code` a promotion code. Gives what was refused: the session is not open, something is missing,
    or the card was declined, which leaves the session open.

    There are two transactions, as with Stripe: what is bought is there before it is paid for.
    """
    refused = attempt(world, lambda: _begin(world, session_id, card, person, code))
    return refused or _pay_if_due(world, session_id)


def authenticate(world: World, session_id: str, *, succeeded: bool) -> Refusal | None:
    """The customer did, or failed, 3-D Secure for what the session waits for.

    Gives what was refused: it waits for nothing, or authentication failed; the session stays open.
    """
    refused = attempt(world, lambda: _authenticate(world, session_id, succeeded=succeeded))
    return refused or _pay_if_due(world, session_id)


def _begin(
    world: World, session_id: str, card: str | None, person: Person, code: str | None
) -> None:
    session = open_one(world, session_id)
    if code:
        session = enter_code(world, session_id, code)
    session["_pending"] = (session["_pending"] or {}) | {
        "trying": True,
        "action": False,
        "due": False,
        "person": _told(person),
    }
    pending: Obj = session["_pending"]
    taxed.locate(world, session, person.address)
    refuse_without_tax_id(session, person)
    customer = pending["customer"] = _customer(world, session, person)
    pending["method"] = None
    if needs_card(session):
        if not card:
            raise missing_param("card")
        method = _method(world, session, card, person)
        pending["method"] = method["id"]
        if session["mode"] == "setup" or not session["amount_total"]:
            _save_card(world, session, method)
            return
        if customer and session["mode"] == "subscription":
            methods.attach(world, method, customer)
    _order(world, session)


def _pay_if_due(world: World, session_id: str) -> Refusal | None:
    session = world.get(KIND, session_id)
    if session["status"] == "open" and session["_pending"]["due"]:
        return attempt(world, lambda: _pay(world, session_id))
    return None


def _pay(world: World, session_id: str) -> None:
    session = open_one(world, session_id)
    pending: Obj = session["_pending"]
    pending["due"] = False
    _follow(world, session, payments.confirm(world, pending["intent"], pending["method"]))


def needs_card(session: Seen) -> bool:
    """Does the page ask for a card? Not when nothing is due and one was not asked for."""
    if session["mode"] == "setup" or session["amount_total"]:
        return True
    return bool(session["payment_method_collection"] == "always")


def needs_email(session: Seen) -> bool:
    return not (session["customer_details"] or {}).get("email")


def awaited(session: Seen) -> str | None:
    """The intent for which the customer has to authenticate, if the session waits for that."""
    intent: str | None = (session["_pending"] or {}).get("intent")
    return (
        intent
        if session["status"] == "open" and (session["_pending"] or {}).get("action")
        else None
    )


def _authenticate(world: World, session_id: str, *, succeeded: bool) -> None:
    session = open_one(world, session_id)
    intent = awaited(session)
    if intent is None:
        raise Refusal("This Checkout Session waits for no authentication.", param="session")
    session["_pending"] |= {"trying": True, "action": False}
    of = setups if world.find(setups.KIND, intent) else payments
    _follow(world, session, of.authenticate(world, intent, succeeded=succeeded))


@when("payment_intent.succeeded", "setup_intent.succeeded")
def paid_elsewhere(world: World, intent: Seen) -> None:
    """An intent for which a session waited may also be confirmed by the integration's own code."""
    for session in world.where(KIND, "_pending.intent", intent["id"]):
        if session["status"] == "open" and not session["_pending"].get("trying"):
            _follow(world, world.edit(KIND, session["id"]), intent)


def _save_card(world: World, session: Obj, method: Seen) -> None:
    """Set a card up without a payment: the whole purpose, or before a trial."""
    pending: Obj = session["_pending"]
    if session["mode"] == "setup":
        intent = world.edit(setups.KIND, session["setup_intent"])
        intent["customer"] = pending["customer"]
    else:
        intent = setups.prepare(world, customer=pending["customer"])
    pending["intent"] = intent["id"]
    _follow(world, session, setups.confirm(world, intent["id"], method["id"]))


def _order(world: World, session: Obj) -> None:
    """Make what is bought, or take it up again; what is due is paid next."""
    pending: Obj = session["_pending"]
    order = Order(session, pending["customer"], pending["method"])
    if session["mode"] == "subscription":
        intent = subscribe(world, order)
    elif session["invoice_creation"]["enabled"]:
        intent = bill(world, order)
    else:
        intent = charge(world, order)
    if intent is None:
        _finish(world, session)
        return
    pending |= {"intent": intent["id"], "due": True}


def _follow(world: World, session: Obj, intent: Seen) -> None:
    """Go on from how an intent stands."""
    pending: Obj = session["_pending"]
    if intent["status"] == "requires_action":
        pending |= {"trying": False, "action": True}
        return
    if intent["status"] == "requires_payment_method":
        pending["trying"] = False
        of = setups if intent["object"] == setups.KIND else payments
        raise of.refusal(world, intent)
    if intent["object"] == setups.KIND and session["mode"] != "setup":
        _order(world, session)
        return
    _finish(world, session)


def _finish(world: World, session: Obj) -> None:
    pending: Obj = session["_pending"]
    person = Person(**pending["person"])
    known = session["customer_details"] or {}
    customer = pending.get("customer")
    intent = world.find("payment_intent", pending.get("intent"))
    session |= {
        "collected_information": session["collected_information"] | {"individual_name": None},
        "customer": customer,
        "customer_details": shapes.details(
            known.get("email") or person.email,
            person.name or known.get("name"),
            address=_address(person),
            business_name=person.business_name,
            phone=person.phone,
            tax_exempt=known.get("tax_exempt", "none"),
            tax_ids=_tax_ids(session, person),
        ),
        "invoice": pending.get("invoice"),
        "payment_intent": intent["id"] if intent and session["mode"] == "payment" else None,
        "status": "complete",
        "subscription": pending.get("subscription"),
        "url": None,
        "_pending": None,
    }
    if session["mode"] != "setup":
        due = bool(session["amount_total"])
        session["payment_status"] = _payment_status(intent) if due else "no_payment_required"
        _redeem(world, session)
    world.stop_timer("checkout.session.expire", session)
    world.emit("checkout.session.completed", session)


def _payment_status(intent: Seen | None) -> str:
    held = intent is not None and intent["status"] == "requires_capture"
    return "unpaid" if held else "paid"


def _redeem(world: World, session: Obj) -> None:
    """Without a subscription or an invoice it is the session that spends the discount."""
    entries = session["discounts"]
    if not entries or session["subscription"] or session["invoice"]:
        return
    if session["customer"]:
        at = world.now(session)
        discounts.redeem(
            world,
            entries,
            customer=session["customer"],
            at=at,
            checkout_session=session["id"],
        )


def _customer(world: World, session: Obj, person: Person) -> str | None:
    """Who buys: the session's customer, one made by an earlier try, a new one, or nobody."""
    email = person.email or session["customer_email"]
    if needs_email(session) and not email:
        raise missing_param("email")
    if email:
        checked_email(email, "email")
    known: str | None = session["customer"] or session["_pending"].get("customer")
    if known:
        _update_customer(world, session, known, email, person)
        return known
    creates = session["customer_creation"] == "always"
    bills = (session["invoice_creation"] or {}).get("enabled")
    if not creates and not bills:
        return None
    made = ask(
        world,
        "POST /v1/customers",
        email=email,
        name=person.business_name or person.name,
        business_name=person.business_name,
        phone=person.phone,
        address=person.address,
        tax_id_data=_tax_ids(session, person),
    )
    return str(made["id"])


def _update_customer(
    world: World, session: Seen, ident: str, email: str | None, person: Person
) -> None:
    """An existing customer takes over what the session may change, and an e-mail they lacked."""
    customer, may = world.get("customer", ident), session["_customer_update"]
    made_here = session["customer"] is None
    names = made_here or may.get("name") == "auto"
    places = made_here or may.get("address") == "auto"
    change = {
        "email": email if not customer["email"] else None,
        "name": (person.business_name or person.name) if names else None,
        "address": person.address if places else None,
    }
    known = {(one["type"], one["value"]) for one in tax_ids.of(world, ident)}
    for told in _tax_ids(session, person) or []:
        if (told["type"], told["value"]) not in known:
            ask(world, f"POST /v1/customers/{ident}/tax_ids", **told)
    if any(change.values()):
        ask(world, f"POST /v1/customers/{ident}", **change)


def _method(world: World, session: Seen, card: str, person: Person) -> Obj:
    """The payment method for a card's number, a token, or a saved method."""
    if card.startswith("pm_"):
        return methods.existing(world, card, "card")
    email = (session["customer_details"] or {}).get("email") or person.email
    billing = {"email": email, "name": person.name, "address": person.address}
    return methods.add_card(
        world,
        numbers.named(card) or numbers.of_number(card),
        at=world.now(session),
        billing_details={k: v for k, v in billing.items() if v},
        allow_redisplay="always" if session["mode"] != "payment" else "limited",
    )


def _tax_ids(session: Seen, person: Person) -> list[dict[str, str]] | None:
    """The tax id that was filled in; None where none is collected."""
    if not (session.get("tax_id_collection") or {}).get("enabled"):
        return None
    return [dict(person.tax_id)] if person.tax_id else []


def refuse_without_tax_id(session: Seen, person: Person) -> None:
    """Where a tax id is required, a buyer has one, unless their country is known to have none.

    Raises:
        Refusal: it is missing.
    """
    collects = session.get("tax_id_collection") or {}
    if not collects.get("enabled") or collects["required"] == "never" or person.tax_id:
        return
    country = (person.address or {}).get("country", "").lower()
    if not country or tax_ids.supported_in(country):
        raise missing_param("tax_id")


def _address(person: Person) -> Obj | None:
    if not person.address:
        return None
    return {name: person.address.get(name) or None for name in sorted(ADDRESS)}


def _told(person: Person) -> Obj:
    return {
        "email": person.email,
        "name": person.name,
        "phone": person.phone,
        "address": person.address,
        "business_name": person.business_name,
        "tax_id": person.tax_id,
    }
