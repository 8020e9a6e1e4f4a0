"""How is a story lived through whose customers pay at a local Stripe?

Both sides stand on one clock. Moving it plays what is due at the sandbox step by step, and lets
the worker do its work after each step, and half an hour later for as long as there was any:
hints are read from the provider's list, boundaries closed, usage reported, accounts attended.

What customers do there is in `shoppers.py`, what is looked at in `looks.py`.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from tallygate.adapters.http import GuardedClient
from tallygate.adapters.store.catalogs import latest_catalog
from tallygate.app import open_books, open_provider
from tallygate.collection.provider import Books
from tallygate.config import load_config
from tallygate.core.errors import TallygateError, Unreachable
from tallygate.core.period import instant_text
from tallygate.testing import FrozenClock
from tallygate.workflows.close import close_due
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirror import price_list
from tallygate.workflows.mirror.attend import attend_due
from tallygate.workflows.mirror.settle import poll, settle_due
from tallygate.workflows.mirror.sync_due import sync_due

KEY = "sk_test_story"
TYPE, FORM = "Content-Type", "application/x-www-form-urlencoded"
GRACE_SECONDS = 72 * 60 * 60
"""Drafts are ours to finalize: an account's grace is set to the longest that Stripe has."""
MOST_TURNS = 12
LATER = timedelta(minutes=30)


class NotLived(TallygateError):
    """The sandbox refused what a customer of a story does there; `said` is the error's code."""

    code = "not_lived"

    def __init__(self, message: str, said: str = "") -> None:
        super().__init__(message)
        self.said = said


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
        return self.ask("GET" if body is None else "POST", f"/_sandbox/{place}", content)

    def stripe(self, place: str, **params: Any) -> Any:
        """What a customer does at Stripe: POST `/v1/<place>`."""
        return self.ask("POST", f"/v1/{place}", urlencode(params).encode(), FORM)

    def ask(
        self, method: str, place: str, content: bytes | None = None, kind: str | None = None
    ) -> Any:
        """Ask the sandbox, as whoever has the account's key; gives the JSON that came.

        Raises:
            NotLived: it refuses.
        """
        headers = {"Authorization": f"Bearer {KEY}"} | ({} if kind is None else {TYPE: kind})
        answer = self.client.request(method, self.url + place, headers=headers, content=content)
        if answer.status >= 400:
            error = json.loads(answer.body)["error"]
            said = error.get("decline_code") or error.get("code") or ""
            raise NotLived(f"{method} {place}: {error['message']}", said)
        return json.loads(answer.body)

    def leads(self, address: str, **form: str) -> str:
        """Open a page of the sandbox, or send its form, as a browser does; gives where it leads.

        Raises:
            NotLived: it leads nowhere.
        """
        method, content = ("POST", urlencode(form).encode()) if form else ("GET", None)
        headers = {TYPE: FORM} if form else {}
        answer = self.client.request(method, address, headers=headers, content=content)
        if "location" not in answer.headers:
            raise NotLived(f"{method} {address} leads nowhere: it answered {answer.status}")
        return answer.headers["location"]

    def publish(self) -> price_list.Mirroring:
        """Have the price list at Stripe, all of it; gives what is there then."""
        provider = open_provider(_config(self.url))
        with self.installation.store.read() as tx:
            found = latest_catalog(tx)
        assert found is not None, "a story's catalog is in force"
        planned = price_list.foresee(self.installation, provider, found[1])
        return price_list.carry_out(self.installation, provider, found[1], planned)

    def work(self) -> bool:
        """What the worker does, until it has nothing more to do; whether there was anything.

        What it hears of its own effects can wait for the next turn: it has seen them.
        """
        poll(self.installation, self.books)
        settle_due(self.installation, self.books)
        for turn in range(MOST_TURNS):
            closed = close_due(self.installation)
            sync_due(self.installation, self.books)
            if not len(closed) + attend_due(self.installation, self.books):
                return turn > 0
        return True

    def go(self, to: datetime) -> None:
        """Let time pass up to an instant, on both sides."""
        now, has_worked = self.clock.now(), True
        while now < to:
            due = None if has_worked else self.control("clock")["next_due"]
            upcoming = to if due is None else datetime.fromtimestamp(due, UTC)
            now = min(to, now + LATER if has_worked else max(now, upcoming))
            self.control("clock", {"to": int(now.timestamp())})
            self.clock.set(now)
            has_worked = self.work()


@contextmanager
def open_till(installation: Installation, clock: FrozenClock, url: str) -> Iterator[Till]:
    """The till at a sandbox whose clock stands where the story begins."""
    client = GuardedClient(allowed=[url])
    try:
        till = Till(installation, clock, open_books(_config(url)), client, url)
        till.control("settings/invoices", {"grace_seconds": GRACE_SECONDS})
        till.control("clock", {"to": int(clock.now().timestamp()), "frozen": True})
        till.publish()
        till.work()
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


def _config(url: str) -> Any:
    return load_config(stripe_secret_key=KEY, stripe_api_base=url)
