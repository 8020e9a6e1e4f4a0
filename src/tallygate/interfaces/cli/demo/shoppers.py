"""What do the customers of a story do at Stripe?

They buy on a checkout page or through a payment link, change their card, pay an invoice on its
page, and leave in the portal. All of it is asked of the sandbox over HTTP, in Stripe's own words.
"""

from collections.abc import Callable, Mapping
from typing import Any

from tallygate.adapters.store import collections, customers, mirrors
from tallygate.interfaces.cli.demo.looks import status
from tallygate.interfaces.cli.demo.till import NotLived, Till
from tallygate.workflows.mirror import purchase
from tallygate.workflows.mirror.welcome import reference_for

CARD = "4242424242424242"
INTENTS = "payments.data.payment.payment_intent"


def buy(till: Till, account: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Buy a plan on the checkout page; `cards` are tried one after the other."""
    wish = purchase.Wish(
        asked["plan"],
        interval=asked.get("interval"),
        currency=asked.get("currency"),
        coupons=asked.get("coupons", ()),
        success_url="https://example.org/thanks",
        cancel_url="https://example.org/plans",
    )
    bought = purchase.buy(till.installation, till.books, account, wish)
    if asked.get("leaves"):
        return {"bought": False}
    assert bought.session is not None, "a checkout has a session"
    return _fill_in(till, account, bought.session, asked)


def link(till: Till, account: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Buy a plan through its payment link, at the address that the landing page has for it."""
    wanted = (asked["plan"], asked.get("interval", "month"))
    [address] = [one.url for one in till.publish().links if (one.plan, one.interval) == wanted]
    reference = reference_for(till.installation, account)
    session = till.leads(f"{address}?client_reference_id={reference}").rpartition("/")[2]
    return _fill_in(till, account, session, asked)


def card(till: Till, account: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Change the card, for everything, as the customer portal does it."""
    customer, linked = _customer(till, account), _linked(till, account)
    method = till.stripe(f"payment_methods/{asked['card']}/attach", customer=customer)["id"]
    till.stripe(f"customers/{customer}", **{"invoice_settings[default_payment_method]": method})
    if linked is not None:
        till.stripe(f"subscriptions/{linked}", default_payment_method=method)
    till.work()
    return {}


def pay(till: Till, account: str, _asked: Mapping[str, Any]) -> dict[str, Any]:
    """Pay every invoice that is open, on its own page."""
    for id_ in _open_invoices(till, account):
        till.stripe(f"invoices/{id_}/pay")
    till.work()
    return status(till, account)


def authenticate(till: Till, account: str, _asked: Mapping[str, Any]) -> dict[str, Any]:
    """Say to the bank that it was oneself, for every invoice whose payment waits for that."""
    for id_ in _open_invoices(till, account):
        invoice = till.ask("GET", f"/v1/invoices/{id_}?expand[]={INTENTS}")
        for payment in invoice["payments"]["data"]:
            intent = payment["payment"]["payment_intent"]
            if intent["status"] == "requires_action":
                till.leads(f"{till.url}/_pages/3ds/{intent['id']}", outcome="complete")
    till.work()
    return status(till, account)


def portal_end(till: Till, account: str, _asked: Mapping[str, Any]) -> dict[str, Any]:
    """End the subscription at the end of its period, in the customer portal."""
    till.stripe(f"subscriptions/{_linked(till, account)}", cancel_at="max_period_end")
    till.work()
    return status(till, account)


SHOPPERS: dict[str, Callable[[Till, str, Mapping[str, Any]], dict[str, Any]]] = {
    "buy": buy,
    "link": link,
    "card": card,
    "pay": pay,
    "authenticate": authenticate,
    "portal_end": portal_end,
}


def _fill_in(till: Till, account: str, session: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in the page, with one card after the other until one is taken."""
    declined = []
    for number in asked.get("cards", [CARD]):
        try:
            till.control(
                f"checkout/sessions/{session}/complete",
                {
                    "card": str(number),
                    "email": "buyer@example.org",
                    "authenticate": asked.get("authenticate", "complete"),
                },
            )
        except NotLived as refused:
            declined.append(refused.said)
        else:
            break
    till.work()
    return status(till, account) | {"declined": declined}


def _open_invoices(till: Till, account: str) -> list[str]:
    """The ids there of the invoices that are not paid yet."""
    with till.installation.store.read() as tx:
        collected = collections.of_account(tx, account)
    return [id_ for one in collected if one.state == "open" for id_ in one.provider_invoices]


def _customer(till: Till, account: str) -> str:
    with till.installation.store.read() as tx:
        customer = customers.customer_of(tx, account)
    assert customer is not None, "only who has bought something has a card"
    return customer


def _linked(till: Till, account: str) -> str | None:
    with till.installation.store.read() as tx:
        found = mirrors.of_account(tx, account)
    return found[0].provider_id if found else None
