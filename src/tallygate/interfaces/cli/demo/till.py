"""How is a story lived through whose customers pay at a local Stripe?

Both sides stand on one clock. Moving it plays what is due at the sandbox step by step, and lets
the worker do its work after each step and half an hour later, as it would beside a running server:
hints are read from the provider's list, boundaries closed, usage reported, accounts attended.

What a customer does at Stripe (a checkout, another card, paying an invoice) is asked of the
sandbox over HTTP, in Stripe's own words.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from tallygate.adapters.http import GuardedClient
from tallygate.adapters.store import collections, customers, invoices, mirrors
from tallygate.adapters.store.catalogs import latest_catalog
from tallygate.app import open_books, open_provider
from tallygate.collection.provider import Books
from tallygate.collection.records import Collected
from tallygate.config import load_config
from tallygate.core.errors import TallygateError, Unreachable
from tallygate.core.period import instant_text
from tallygate.testing import FrozenClock
from tallygate.workflows import mirror, purchase
from tallygate.workflows.attend import attend_due
from tallygate.workflows.close import close_due
from tallygate.workflows.installation import Installation
from tallygate.workflows.reconcile import reconcile
from tallygate.workflows.settle import poll, settle_due
from tallygate.workflows.sync_due import sync_due

KEY = "sk_test_story"
CARD = "4242424242424242"
GRACE_SECONDS = 72 * 60 * 60
"""Drafts are ours to finalize: an account's grace is set to the longest that Stripe has."""
MOST_TURNS = 12
LATER = timedelta(minutes=30)


class NotLived(TallygateError):
    """The sandbox refused what a customer of a story does there."""

    code = "not_lived"


@dataclass(frozen=True, slots=True)
class Till:
    """The sandbox of a story, and the installation that collects there."""

    installation: Installation
    clock: FrozenClock
    books: Books
    client: GuardedClient
    url: str

    def control(self, place: str, body: Mapping[str, Any] | None = None) -> Any:
        """Steer the sandbox: `/_sandbox/<place>`, GET, or POST with a body."""
        content = None if body is None else json.dumps(body).encode()
        return self._asked("GET" if body is None else "POST", f"/_sandbox/{place}", content, {})

    def stripe(self, place: str, **params: Any) -> Any:
        """What a customer does at Stripe: POST `/v1/<place>`."""
        headers = {
            "Authorization": f"Bearer {KEY}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        return self._asked("POST", f"/v1/{place}", urlencode(params).encode(), headers)

    def publish(self) -> None:
        """Have the price list at Stripe, all of it."""
        provider = open_provider(_config(self.url))
        with self.installation.store.read() as tx:
            found = latest_catalog(tx)
        assert found is not None, "a story's catalog is in force"
        planned = mirror.foresee(self.installation, provider, found[1])
        mirror.carry_out(self.installation, provider, found[1], planned)

    def work(self) -> None:
        """What the worker does, until it has nothing more to do."""
        for _ in range(MOST_TURNS):
            done = poll(self.installation, self.books) + settle_due(self.installation, self.books)
            done += len(close_due(self.installation))
            sync_due(self.installation, self.books)
            if not done + attend_due(self.installation, self.books):
                return

    def go(self, to: datetime) -> None:
        """Let time pass up to an instant, on both sides."""
        now, rests = self.clock.now(), True
        while now < to:
            due = None if rests else self.control("clock")["next_due"]
            upcoming = to if due is None else datetime.fromtimestamp(due, UTC)
            now = min(to, now + LATER if rests else max(now, upcoming))
            rests = not rests
            self._turn(now)

    def _turn(self, now: datetime) -> None:
        self.control("clock", {"to": int(now.timestamp())})
        self.clock.set(now)
        self.work()

    def _asked(
        self, method: str, place: str, content: bytes | None, headers: Mapping[str, str]
    ) -> Any:
        answer = self.client.request(method, self.url + place, headers=headers, content=content)
        if answer.status >= 400:
            raise NotLived(f"{method} {place}: {answer.body.decode(errors='replace')[:500]}")
        return json.loads(answer.body)


@contextmanager
def open_till(installation: Installation, clock: FrozenClock, url: str) -> Iterator[Till]:
    """The till at a sandbox whose clock stands where the story begins."""
    client = GuardedClient(allowed=[url])
    try:
        till = Till(installation, clock, open_books(_config(url)), client, url)
        till.control("settings/invoices", {"grace_seconds": GRACE_SECONDS})
        till.control("clock", {"to": int(clock.now().timestamp()), "frozen": True})
        till.publish()
        yield till
    finally:
        client.close()


@contextmanager
def own_sandbox(at: datetime) -> Iterator[str]:
    """A sandbox in a process of its own, frozen at an instant; gives its address."""
    words = [
        sys.executable,
        "-m",
        "tallygate_sandbox",
        "--port=0",
        f"--frozen-at={instant_text(at)}",
    ]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)  # noqa: S603  # ours
    try:
        assert process.stdout is not None
        for line in process.stdout:
            _, found, address = line.partition("listens on ")
            if found:
                yield address.strip()
                return
        raise Unreachable("The sandbox did not start: run `tallygate sandbox` to see why.")
    finally:
        process.terminate()
        process.wait(timeout=10)
        if process.stdout is not None:
            process.stdout.close()


# The verbs: what customers do, and what is looked at.


def buy(till: Till, account: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Buy a plan on the checkout page."""
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
    filled = {"card": str(asked.get("card", CARD)), "email": "buyer@example.org"}
    till.control(f"checkout/sessions/{bought.session}/complete", filled)
    till.work()
    return status(till, account)


def card(till: Till, account: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Change the card, for everything, as the customer portal does."""
    customer, linked = _customer(till, account), _linked(till, account)
    method = till.stripe(f"payment_methods/{asked['card']}/attach", customer=customer)["id"]
    till.stripe(f"customers/{customer}", **{"invoice_settings[default_payment_method]": method})
    if linked is not None:
        till.stripe(f"subscriptions/{linked}", default_payment_method=method)
    till.work()
    return {}


def pay(till: Till, account: str, _asked: Mapping[str, Any]) -> dict[str, Any]:
    """Pay every invoice that is open, on its own page."""
    for one in _collected(till, account):
        if one.state == "open":
            for id_ in one.provider_invoices:
                till.stripe(f"invoices/{id_}/pay")
    till.work()
    return status(till, account)


def portal_end(till: Till, account: str, _asked: Mapping[str, Any]) -> dict[str, Any]:
    """End the subscription at the end of its period, in the customer portal."""
    till.stripe(f"subscriptions/{_linked(till, account)}", cancel_at="max_period_end")
    till.work()
    return status(till, account)


def status(till: Till, account: str) -> dict[str, Any]:
    """How the account stands at the provider, as we know it."""
    with till.installation.store.read() as tx:
        found = mirrors.of_account(tx, account)
    if not found:
        return {"status": "none"}
    end = found[0].cancel_at
    return {"status": found[0].status, "ends": None if end is None else instant_text(end)}


def collected(
    till: Till, account: str, shown: Callable[[Any], dict[str, Any]], since: datetime | None
) -> list[dict[str, Any]]:
    """Every invoice of the account from a date on, and how far it has come."""
    told = []
    for one in _collected(till, account):
        if since is not None and one.dated < since:
            continue
        with till.installation.store.read() as tx:
            invoice = invoices.get(tx, one.invoice)
        assert invoice is not None, "an invoice is never deleted"
        facts = {"dated": instant_text(one.dated)[:10], "state": one.state}
        told.append(shown(invoice) | facts | {"differences": list(one.differences)})
    return told


def reconciled(till: Till) -> dict[str, Any]:
    """In what the provider and we differ on all accounts; the story goes on only in nothing."""
    looked: list[Any] = []
    found = reconcile(till.installation, till.books, told=looked.append)
    said = [str(one.findings) for one in found]
    return {"accounts": len(looked), "differ": len(found), "said": said}


def _config(url: str) -> Any:
    return load_config(stripe_secret_key=KEY, stripe_api_base=url)


def _customer(till: Till, account: str) -> str:
    with till.installation.store.read() as tx:
        customer = customers.customer_of(tx, account)
    assert customer is not None, "only who has bought something has a card"
    return customer


def _linked(till: Till, account: str) -> str | None:
    with till.installation.store.read() as tx:
        found = mirrors.of_account(tx, account)
    return found[0].provider_id if found else None


def _collected(till: Till, account: str) -> tuple[Collected, ...]:
    with till.installation.store.read() as tx:
        return collections.of_account(tx, account)
