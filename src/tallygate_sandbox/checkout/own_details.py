"""In the portal a customer changes what is known of them: card, address, shipping, tax id.

Source: https://docs.stripe.com/customer-management/configure-portal. Assumed: the portal keeps one
tax id, so that another replaces it, and an empty one takes it away.
"""

from typing import Any

from tallygate_sandbox.checkout import portal, rules
from tallygate_sandbox.checkout.asking import OURS, ask, ask_for_ourselves
from tallygate_sandbox.customers import tax_ids
from tallygate_sandbox.payments import methods, numbers
from tallygate_sandbox.world import Obj, Seen, World

PLAIN = ("address", "email", "name", "phone", "shipping")

Params = dict[str, Any]


def change_card(world: World, session: Seen, card: str) -> Obj:
    """Pay with another card from now on: the customer's default, and their subscriptions'.

    Raises:
        Refusal: the card is declined.
    """
    portal.enabled(world, session, "payment_method_update")
    customer = world.get("customer", session["customer"])
    method = methods.add_card(
        world,
        numbers.named(card) or numbers.of_number(card),
        at=world.now(customer),
        billing_details={"email": customer["email"], "name": customer["name"]},
        allow_redisplay="always",
    )
    methods.attach(world, method, customer["id"])
    ask(
        world,
        f"POST /v1/customers/{customer['id']}",
        invoice_settings={"default_payment_method": method["id"]},
    )
    for subscription in portal.subscriptions_of(world, session):
        if subscription["default_payment_method"]:
            address = f"POST /v1/subscriptions/{subscription['id']}"
            ask_for_ourselves(world, address, OURS, default_payment_method=method["id"])
    return method


def change(world: World, session: Seen, details: Params) -> Obj:
    """Change what the configuration lets a customer change of themselves.

    `details` has the API's names, and `tax_id` as its type and value; what is None stays.

    Raises:
        Refusal: what the API refuses, such as an e-mail address or a tax id that is none.
    """
    feature = portal.enabled(world, session, "customer_update")
    allowed = {k: v for k, v in details.items() if k in feature["allowed_updates"] and v}
    if "email" in allowed:
        rules.checked_email(allowed["email"], "email")
    if "tax_id" in allowed:
        _change_tax_id(world, session["customer"], allowed["tax_id"])
    plain = {name: allowed[name] for name in PLAIN if name in allowed}
    return ask(world, f"POST /v1/customers/{session['customer']}", **plain)


def tax_id_of(world: World, customer: str) -> Seen | None:
    """The tax id that the portal shows: the latest."""
    found = tax_ids.of(world, customer)
    return found[-1] if found else None


def _change_tax_id(world: World, customer: str, wanted: Params) -> None:
    known = tax_id_of(world, customer)
    if known is not None and (known["type"], known["value"]) == (wanted["type"], wanted["value"]):
        return
    if wanted["value"]:
        ask(world, f"POST /v1/customers/{customer}/tax_ids", **wanted)
    if known is not None:
        ask(world, f"DELETE /v1/customers/{customer}/tax_ids/{known['id']}")
