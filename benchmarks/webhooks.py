"""How long does a webhook wait until it is verified, stored and answered?

Signed invoice events of about 4 KB arrive at a fixed rate, whether or not the ones before are
answered, one in twenty for the second time; a wait counts from the instant at which it was due.
Then a thousand come at once. The bound is the same server, which verifies and stores nothing.
"Busy" means that the same process stores a batch of 1000 events ten times a second, "attending"
that its worker settles what comes and attends accounts without a pause, which a provider in memory
shows.

    python -m benchmarks webhooks --seconds 20
"""

import asyncio
import hashlib
import hmac
import json
import os
import random
import time
from collections.abc import Callable, Sequence

from benchmarks.ingestion import fresh
from benchmarks.world import ATTENDED, SIGNING, furnish, serving

ENGINES = ("sqlite", "postgres")
RATE, CONNECTIONS, BURST = 200, 32, 1000
DUPLICATES = 0.05
GOAL_MS, GOAL_BURST_MS = 20, 200

Row = tuple[str, str, str, str]

_LINE = {
    "id": "il_1Q0aBcDeFgHiJkLmNoPqRsTu",
    "object": "line_item",
    "amount": 2900,
    "currency": "usd",
    "description": "1 × Starter (at $29.00 / month)",
    "period": {"start": 1767225600, "end": 1769904000},
    "pricing": {"price_details": {"price": "price_1Q0a", "product": "prod_starter"}},
    "metadata": {"tallygate_line": "starter_monthly"},
}
_INVOICE = {
    "id": "in_1Q0aBcDeFgHiJkLmNoPqRsTu",
    "object": "invoice",
    "lines": {"object": "list", "data": [_LINE] * 6, "has_more": False},
    "status": "paid",
    "total": 17400,
}


def measure(seconds: float, tell: Callable[[str], None]) -> list[Row]:
    """The rows of the table: what, measured, ratio, goal."""
    rows: list[Row] = []
    for engine in ENGINES:
        with fresh(engine) as url:
            furnish(url)
            bound = 0.0
            for kind in ("bound", "real", "attending", "busy"):
                tell(f"webhooks, {engine}, {kind}")
                with serving(url, kind=kind) as server:
                    waits = asyncio.run(_send(server.port, RATE, int(RATE * seconds)))
                    burst = asyncio.run(_send(server.port, 0, BURST))
                    peak = server.peak_memory()
                bound = bound or _at(waits, 0.99)
                rows += _rows(f"webhooks, {engine}, {kind}", waits, burst, bound)
                tell(f"at most {peak:.0f} MB")
    return rows


def _rows(name: str, waits: Sequence[float], burst: Sequence[float], bound: float) -> list[Row]:
    half, last = _at(waits, 0.5), _at(waits, 0.99)
    goal, goal_burst = f"p99 <= {GOAL_MS} ms", f"p99 <= {GOAL_BURST_MS} ms"
    is_bound = name.endswith("bound")
    return [
        (
            f"{name}: {RATE}/s",
            f"p50 {half:.1f}, p99 {last:.1f}, most {max(waits):.0f} ms",
            f"{last / bound:.1f}",
            "" if is_bound else goal,
        ),
        (
            f"  {BURST} at once",
            f"p50 {_at(burst, 0.5):.0f}, p99 {_at(burst, 0.99):.0f} ms",
            "",
            "" if is_bound else goal_burst,
        ),
    ]


def _at(waits: Sequence[float], share: float) -> float:
    return sorted(waits)[int(len(waits) * share)]


async def _send(port: int, rate: int, count: int) -> list[float]:
    """Send events at a rate, or with none all at once; how long each waited, in ms."""
    due: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
    waits: list[float] = []
    events = _events(count)
    tasks = [asyncio.create_task(_connection(port, due, waits)) for _ in range(CONNECTIONS)]
    await asyncio.sleep(0.2)  # all are connected
    began = time.perf_counter()
    for number in range(count):
        at = began + number / rate if rate else began
        if (ahead := at - time.perf_counter()) > 0:
            await asyncio.sleep(ahead)
        due.put_nowait((at, events[number]))
    await due.join()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return waits


_sent: list[bytes] = []


def _events(count: int) -> list[bytes]:
    """Bodies, some of which were sent before."""
    found = []
    for _ in range(count):
        if _sent and random.random() < DUPLICATES:
            found.append(random.choice(_sent))
            continue
        event = {
            "id": f"evt_1{os.urandom(12).hex()}",
            "object": "event",
            "api_version": "2026-10-28.endive",
            "created": int(time.time()),  # noqa: TID251  # a sender has a clock
            "data": {"object": _INVOICE | {"customer": f"cus_{random.randrange(ATTENDED)}"}},
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "type": "invoice.paid",
        }
        body = json.dumps(event, indent=2).encode()
        found.append(body)
        _sent.append(body)
    return found


async def _connection(
    port: int, due: "asyncio.Queue[tuple[float, bytes]]", waits: list[float]
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        while True:
            at, body = await due.get()
            t = int(time.time())  # noqa: TID251  # a sender has a clock
            made = hmac.new(SIGNING.encode(), b"%d.%s" % (t, body), hashlib.sha256).hexdigest()
            writer.write(
                b"POST /v1/webhooks/stripe HTTP/1.1\r\nhost: localhost\r\n"
                b"content-type: application/json; charset=utf-8\r\n"
                b"stripe-signature: t=%d,v1=%s\r\ncontent-length: %d\r\n\r\n%s"
                % (t, made.encode(), len(body), body)
            )
            head = await reader.readuntil(b"\r\n\r\n")
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            told = await reader.readexactly(int(length))
            if b" 200 " not in head[:16]:
                raise SystemExit(f"The server answered {head[:200]!r} {told[:300]!r}")
            waits.append((time.perf_counter() - at) * 1000)
            due.task_done()
    finally:
        writer.close()
