"""A local Stripe, a server and a worker, three processes on one clock, spoken to by HTTP alone.

From an organization to a renewal with overage, paid to the cent on both sides.
"""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from stripe import StripeClient
from tests.interfaces.commands import Run, running, told
from tests.interfaces.shop import CATALOG
from tests.interfaces.world import Api

SECRET = "whsec_of_three_processes"  # noqa: S105  # a local Stripe's
KEY = "sk_test_three"
DAY, HOUR, MINUTE = 86_400, 3600, 60
JANUARY, FEBRUARY = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"


@dataclass
class Platform:
    """What the platform has: its key to the server, and the local Stripe's address."""

    api: Api
    sandbox: str
    environment: dict[str, str]

    def control(self, address: str, body: dict[str, Any]) -> None:
        answer = httpx2.post(f"{self.sandbox}/_sandbox/{address}", json=body, timeout=60)
        assert answer.status_code == 200, answer.text

    def pass_time(self, seconds: int) -> None:
        self.control("clock", {"advance": seconds, "deliver": True})

    def wait(self, path: str, enough: Callable[[Any], bool]) -> Any:
        """What the server answers once it is enough; a minute passes on the clock meanwhile."""
        until = time.monotonic() + 60
        while not enough(found := self.api.ok("GET", path)):
            assert time.monotonic() < until, found
            time.sleep(0.2)
            self.pass_time(MINUTE)
        return found


@pytest.fixture
def platform(environment: dict[str, str], tmp_path: Path, run: Run) -> Iterator[Platform]:
    (tmp_path / "catalog.yaml").write_text(CATALOG, "utf-8")
    with ExitStack() as stack:

        def start(*words: str, sign: str) -> str:
            block = running(*words, sign=sign, environment=environment, folder=tmp_path)
            return stack.enter_context(block)

        port = str(free_port())
        webhook = ("--webhook", f"http://127.0.0.1:{port}/v1/webhooks/stripe")
        environment["TALLYGATE_SANDBOX_WEBHOOK_SECRET"] = SECRET
        words = ("sandbox", "--port", "0", "--frozen-at", JANUARY, *webhook)
        sandbox = start(*words, sign="listens on").split()[-1]
        environment |= {
            "TALLYGATE_CLOCK": sandbox,
            "STRIPE_API_BASE": sandbox,
            "STRIPE_SECRET_KEY": KEY,
            "STRIPE_WEBHOOK_SECRET": SECRET,
            "TALLYGATE_SUCCESS_URL": "https://shop.test/thanks",
            "TALLYGATE_CANCEL_URL": "https://shop.test/plans",
            "TALLYGATE_PORTAL_RETURN_URL": "https://shop.test/account",
        }
        run("catalog", "apply", "catalog.yaml", "--commit")
        scopes = [word for scope in ("read", "write", "ingest") for word in ("--scope", scope)]
        key = told(run("keys", "create", *scopes, "--json"))["key"]
        url = start("serve", "--port", port, sign="listens on").split()[3]
        start("worker", sign=f"mirrors at Stripe (test mode, {sandbox})")
        with httpx2.Client(base_url=url, timeout=30) as client:
            platform = Platform(Api(client, key), sandbox, environment)
            platform.control("settings/invoices", {"grace_seconds": 72 * HOUR})
            yield platform


def free_port() -> int:
    """A port for the server: the local Stripe is told of it before there is a server."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
    return port


def send_calls(api: Api, times: range) -> tuple[int, int]:
    """Send so many calls; gives how many were accepted, and how many were known."""
    batch = [
        {
            "specversion": "1.0",
            "id": f"call-{number}",
            "source": "gateway",
            "type": "api.call",
            "subject": "acme",
            "data": {"calls": 1},
        }
        for number in times
    ]
    verdicts = api.ok("POST", "/v1/events", batch)
    return verdicts["accepted"], verdicts["duplicates"]


def test_a_customer_pays_a_renewal_with_overage_to_the_cent(platform: Platform, run: Run) -> None:
    api = platform.api
    api.ok("POST", "/v1/organizations", {"name": "Acme", "external_id": "acme"})
    bought = api.ok("POST", "/v1/checkouts", {"billing_account": "acme", "plan": "small"})
    session = bought["provider_session"]
    assert httpx2.get(bought["url"]).status_code == 200
    card = {"card": "4242424242424242", "email": "ada@acme.test"}
    platform.control(f"checkout/sessions/{session}/complete", card)

    path = f"/v1/purchases/{bought['id']}"
    begun = platform.wait(path, lambda one: one["state"] == "begun")
    mine = api.ok("GET", f"/v1/subscriptions/{begun['subscription']}")
    assert (mine["status"], mine["plan"]) == ("active", "small")
    [first] = paid_invoices(platform, 1)
    assert (first["total"], first["collected"]["amount_paid"]) == (2900, 2900)

    platform.pass_time(10 * DAY)
    assert send_calls(api, range(120)) == (120, 0)
    platform.pass_time(10 * DAY)
    assert send_calls(api, range(100, 137)) == (17, 20)
    platform.pass_time(11 * DAY + 35 * MINUTE)
    api.ok("POST", "/v1/invoices/close", {"commit": True})

    renewal = paid_invoices(platform, 2)[-1]
    overage = {line["price"]: line["amount"] for line in renewal["lines"]}
    assert overage == {"small_monthly": 2900, "calls": 370}
    assert renewal["collected"]["amount_paid"] == renewal["total"] == 3270

    client = StripeClient(KEY, base_addresses={"api": platform.sandbox})
    there = {one.billing_reason: one for one in client.v1.invoices.list().data}
    assert {reason: (one.status, one.amount_paid) for reason, one in there.items()} == {
        "subscription_create": ("paid", 2900),
        "subscription_cycle": ("paid", 3270),
    }
    assert told(run("reconcile", "--json")) == {"looked_at": 1, "differing": []}
    assert told(run("reconcile", "--month", "2026-02", "--json"))["differing"] == []

    portal = api.ok("POST", "/v1/billing_accounts/acme/portal")["url"]
    assert httpx2.get(portal).status_code == 200
    failed = [
        one
        for one in httpx2.get(f"{platform.sandbox}/_sandbox/objects?kind=_delivery").json()["data"]
        if one["state"] != "delivered"
    ]
    assert not failed, "every webhook was taken"


def paid_invoices(platform: Platform, count: int) -> list[dict[str, Any]]:
    """All invoices, oldest first, each with how it was collected, once they are paid."""
    found = []
    for one in platform.wait("/v1/invoices", lambda page: len(page["data"]) == count)["data"]:
        path = f"/v1/invoices/{one['id']}/collection"
        collected = platform.wait(path, lambda how: how["state"] == "paid")
        found.append(
            platform.api.ok("GET", f"/v1/invoices/{one['id']}") | {"collected": collected}
        )
    return found
