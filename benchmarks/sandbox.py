"""How fast is the local Stripe, on one core?

Mixed calls of the API from a few connections, and a year of a thousand subscriptions: each with a
licensed and a metered item, usage in every month, twelve renewals that are drafted, finalized and
paid. The server is a process of its own; its processor time and its memory are counted.

    python -m benchmarks sandbox
"""

import http.client
import itertools
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import psutil

Row = tuple[str, str, str, str]
Body = dict[str, Any]

START = 1_767_225_600  # 2026-01-01T00:00:00Z
MONTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
DAY = 86_400
SUBSCRIPTIONS = 1000
EVENTS_A_MONTH = 3
CONNECTIONS = 4
GOAL_CALLS, GOAL_SECONDS, GOAL_MB = 500, 60, 500


@dataclass
class Server:
    """A sandbox in a process of its own."""

    url: str
    process: psutil.Process

    def cpu(self) -> float:
        """The processor time that it has used, in seconds."""
        used = self.process.cpu_times()
        return float(used.user + used.system)

    def peak_mb(self) -> float:
        """The most memory that it has held."""
        status = Path(f"/proc/{self.process.pid}/status").read_text("ascii")
        [line] = [line for line in status.splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) / 1024


class Caller:
    """One connection."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._line = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=600)

    def __call__(self, method: str, path: str, **fields: Any) -> Body:
        """Call the API with the fields of a form, or of a query."""
        sent = urlencode(fields)
        headers = {"Authorization": "Bearer sk_test_bench"}
        if method == "GET":
            path, sent = f"{path}?{sent}" if sent else path, ""
        else:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        return self._ask(method, path, sent, headers)

    def clock(self, **body: Any) -> Body:
        """Move the sandbox's clock."""
        return self._ask("POST", "/_sandbox/clock", json.dumps(body), {})

    def _ask(self, method: str, path: str, sent: str, headers: dict[str, str]) -> Body:
        self._line.request(method, path, sent, headers)
        answer = self._line.getresponse()
        body: Body = json.loads(answer.read())
        if answer.status != 200:
            raise RuntimeError(f"{method} {path}: {body}")
        return body


def measure(seconds: float, tell: Callable[[str], None]) -> list[Row]:
    """The rows of the table: what, measured, ratio, goal."""
    tell("mixed calls")
    with serving() as server:
        rate = mixed(server, min(seconds, 20))
    tell(f"a year of {SUBSCRIPTIONS} subscriptions")
    with serving() as server:
        took, busy, lines = year(server, SUBSCRIPTIONS, tell)
        peak = server.peak_mb()
    return [
        ("sandbox: mixed calls, one core", f"{rate:,.0f}/s", "", f">= {GOAL_CALLS}/s"),
        (
            f"sandbox: {SUBSCRIPTIONS:,} subscriptions, 12 renewals, {lines:,} lines",
            f"{took:.1f} s",
            f"{busy:.1f} s of processor",
            f"<= {GOAL_SECONDS} s",
        ),
        ("sandbox: most memory", f"{peak:,.0f} MB", "", f"<= {GOAL_MB} MB"),
    ]


@contextmanager
def serving() -> Iterator[Server]:
    """A fresh sandbox, whose clock stands still."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tallygate_sandbox", "--port=0", f"--frozen-at={START}"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        url = next(line.split()[-1] for line in lines if "listens on" in line)
        yield Server(url, psutil.Process(process.pid))
    finally:
        process.kill()
        process.wait()


@dataclass
class Shop:
    """What is sold."""

    licensed: str
    metered: str


def furnish(call: Caller) -> Shop:
    """Make a product with a licensed price and a graduated metered one."""
    product = call("POST", "/v1/products", name="Plan")["id"]
    common = {"currency": "usd", "product": product, "recurring[interval]": "month"}
    meter = call(
        "POST",
        "/v1/billing/meters",
        **{"display_name": "Calls", "event_name": "calls", "default_aggregation[formula]": "sum"},
    )["id"]
    tiers = {
        "billing_scheme": "tiered",
        "tiers_mode": "graduated",
        "tiers[0][up_to]": 100,
        "tiers[0][unit_amount]": 0,
        "tiers[1][up_to]": "inf",
        "tiers[1][unit_amount_decimal]": "2.5",
        "recurring[usage_type]": "metered",
        "recurring[meter]": meter,
    }
    licensed = call("POST", "/v1/prices", **common, unit_amount=2000)["id"]
    return Shop(licensed, call("POST", "/v1/prices", **common, **tiers)["id"])


def customer(call: Caller, number: int) -> str:
    """A customer with a card."""
    made: str = call(
        "POST",
        "/v1/customers",
        **{
            "name": f"Customer {number}",
            "email": f"c{number}@example.org",
            "payment_method": "pm_card_visa",
            "invoice_settings[default_payment_method]": "pm_card_visa",
        },
    )["id"]
    return made


def subscribe(call: Caller, shop: Shop, who: str) -> Body:
    return call(
        "POST",
        "/v1/subscriptions",
        **{
            "customer": who,
            "items[0][price]": shop.licensed,
            "items[1][price]": shop.metered,
            "expand[0]": "latest_invoice",
        },
    )


def use(call: Caller, who: str, value: int) -> None:
    fields = {"event_name": "calls", "payload[stripe_customer_id]": who, "payload[value]": value}
    call("POST", "/v1/billing/meter_events", **fields)


def mixed(server: Server, seconds: float) -> float:
    """Calls for each second of the server's processor time."""
    shop, numbers = furnish(Caller(server.url)), itertools.count()
    calls, until = [0] * CONNECTIONS, time.monotonic() + seconds
    used = server.cpu()

    def work(at: int) -> None:
        call = Caller(server.url)
        while time.monotonic() < until:
            calls[at] += a_customers_day(call, shop, next(numbers))

    threads = [threading.Thread(target=work, args=(at,)) for at in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(calls) / (server.cpu() - used)


def a_customers_day(call: Caller, shop: Shop, number: int) -> int:
    """A customer comes, subscribes, uses, looks and changes: how many calls that were."""
    who = customer(call, number)
    sub = subscribe(call, shop, who)
    for value in range(6):
        use(call, who, value)
    call("GET", f"/v1/subscriptions/{sub['id']}")
    call("GET", f"/v1/invoices/{sub['latest_invoice']['id']}", **{"expand[0]": "payments"})
    call("POST", f"/v1/customers/{who}", **{"metadata[seen]": "yes"})
    call("GET", f"/v1/customers/{who}")
    call("GET", "/v1/customers", limit=10)
    call("GET", "/v1/invoices", customer=who)
    call("POST", "/v1/invoices/create_preview", subscription=sub["id"])
    fields = {"items[0][id]": sub["items"]["data"][0]["id"], "items[0][quantity]": 2}
    call("POST", f"/v1/subscriptions/{sub['id']}", **fields)
    call("GET", "/v1/events", limit=10)
    return 17


def year(server: Server, count: int, tell: Callable[[str], None]) -> tuple[float, float, int]:
    """The seconds in which a year passes, on the wall and of the processor, and its lines.

    The calls that make the subscriptions and tell the usage are not counted.
    """
    call = Caller(server.url)
    shop = furnish(call)
    began = time.monotonic()
    customers = []
    for number in range(count):
        who = customer(call, number)
        subscribe(call, shop, who)
        customers.append(who)
    tell(f"{count} subscriptions were made in {time.monotonic() - began:.1f} s")
    took, busy, now = 0.0, 0.0, START
    for days in MONTHS:
        for number, who in enumerate(customers):
            for event in range(EVENTS_A_MONTH):
                use(call, who, 50 + number + event)
        now += days * DAY
        began, used = time.monotonic(), server.cpu()
        call.clock(to=now + 7200)  # the draft waits an hour
        took, busy = took + time.monotonic() - began, busy + server.cpu() - used
        date = time.strftime("%Y-%m-%d", time.gmtime(now))
        tell(f"{date}: {took:.1f} s ({busy:.1f} s of processor), {server.peak_mb():.0f} MB")
    return took, busy, _lines(call, customers[0], count)


def _lines(call: Caller, who: str, count: int) -> int:
    """The lines of all invoices, judged by one customer's; all are paid."""
    invoices = call("GET", "/v1/invoices", customer=who, limit=100)["data"]
    paid = [one for one in invoices if one["status"] == "paid"]
    assert len(paid) == len(invoices) == len(MONTHS) + 1, [one["status"] for one in invoices]
    return sum(len(one["lines"]["data"]) for one in paid) * count
