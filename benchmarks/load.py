"""Who sends the events? A client of a few hundred lines less than a real one, to cost little.

It keeps a number of connections busy, each with one request at a time, reads every verdict, and
counts what was acknowledged. Bodies are put together from a template, with 5 % of events that
were sent before.

    python -m benchmarks.load PORT KEY ordered|random BATCH CONNECTIONS SECONDS
"""

import asyncio
import json
import os
import random
import sys
import time
from collections import Counter

import msgspec

EVENT = (
    b'{"specversion":"1.0","id":"%s","source":"collector/eu-1","type":"llm.tokens",'
    b'"subject":"account-%04d","time":"%s","data":{"tokens":%d.%03d,"model":"large",'
    b'"region":"eu"}}'
)
DUPLICATES = 0.05
REMEMBERED = 20_000

_decode = msgspec.json.Decoder().decode


class Bodies:
    """Makes bodies of events that look alike and are not the same."""

    def __init__(self, ids: str, batch: int) -> None:
        self._ordered = ids == "ordered"
        self._batch = batch
        self._sent: list[bytes] = []
        self._chance = random.Random(os.urandom(8))

    def next(self) -> bytes:
        """The next body: an array, or for batches of one a single event."""
        chance, sent = self._chance, self._sent
        at = time.time()  # noqa: TID251 a client has a clock
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)).encode()
        moment = b"%s.%06dZ" % (stamp, int(at % 1 * 1e6))
        front = b"%012x" % int(at * 1000)
        noise = os.urandom(16 * self._batch).hex().encode()
        events = []
        for place in range(0, 32 * self._batch, 32):
            name = noise[place : place + 32]
            if sent and chance.random() < DUPLICATES:
                events.append(sent[int(chance.random() * len(sent))])
                continue
            if self._ordered:
                parts = (front[:8], front[8:], b"7" + name[:3], name[3:7], name[7:19])
            else:
                parts = (name[:8], name[8:12], b"4" + name[12:15], name[16:20], name[20:])
            number = int(name[-6:], 16)
            event = EVENT % (b"-".join(parts), number % 1000, moment, number % 977, number % 1000)
            events.append(event)
        if len(sent) < REMEMBERED:
            sent.extend(events)
        else:
            spot = int(chance.random() * (REMEMBERED - len(events)))
            sent[spot : spot + len(events)] = events
        return events[0] if self._batch == 1 else b"[" + b",".join(events) + b"]"


class Client(asyncio.Protocol):
    """One connection: sends, waits for the whole answer, sends again."""

    def __init__(self, crowd: "Crowd") -> None:
        self._crowd = crowd
        self._buffer = b""
        self._started = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        """Read on; when the answer is whole, send the next request."""
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        lower = head.lower()
        start = lower.index(b"content-length:") + 15
        end = lower.find(b"\r\n", start)
        if len(body) < int(lower[start : None if end < 0 else end]):
            return
        self._buffer = b""
        self._crowd.answered(head, body, time.perf_counter() - self._started)
        if self._crowd.busy():
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, _error: Exception | None) -> None:
        """Tell the others."""
        self._crowd.left()

    def _send(self) -> None:
        body = self._crowd.bodies.next()
        self._started = time.perf_counter()
        self._transport.write(  # type: ignore[attr-defined]  # a transport of a stream
            self._crowd.head % len(body) + body
        )


class Crowd:
    """All connections together, and what they were told."""

    def __init__(self, key: str, bodies: Bodies, connections: int, seconds: float) -> None:
        self.bodies = bodies
        self.head = (
            b"POST /v1/events HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer "
            + key.encode()
            + b"\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        )
        self._connections = connections
        self._seconds = seconds
        self._until = 0.0
        self._counts: Counter[str] = Counter()
        self._waits: list[float] = []
        self._done = asyncio.Event()

    async def run(self, port: int) -> dict[str, float]:
        """Keep all connections busy for the given time; gives the counts per second."""
        loop = asyncio.get_running_loop()
        started = time.perf_counter()
        self._until = started + self._seconds
        for _ in range(self._connections):
            await loop.create_connection(lambda: Client(self), "127.0.0.1", port)
        await self._done.wait()
        took = time.perf_counter() - started
        waits = sorted(self._waits)
        answered = self._counts["accepted"] + self._counts["duplicates"]
        return {
            **self._counts,
            "events_per_second": answered / took,
            "p50_ms": waits[len(waits) // 2] * 1000,
            "p99_ms": waits[len(waits) * 99 // 100] * 1000,
        }

    def busy(self) -> bool:
        """Whether the time is not over."""
        return time.perf_counter() < self._until

    def answered(self, head: bytes, body: bytes, wait: float) -> None:
        """Count an answer."""
        if b" 200 " not in head[:16]:
            raise SystemExit(f"The server answered {head[:200]!r} {body[:500]!r}")
        told = _decode(body)
        self._counts["accepted"] += told["accepted"]
        self._counts["duplicates"] += told["duplicates"]
        self._counts["conflicts"] += len(told["conflicts"])
        self._counts["rejected"] += len(told["rejected"])
        if told["conflicts"] or told["rejected"]:
            raise SystemExit(f"Not everything was taken: {body[:500]!r}")
        self._waits.append(wait)

    def left(self) -> None:
        """A connection is closed."""
        self._connections -= 1
        if not self._connections:
            self._done.set()


def main() -> None:
    """Send, and print the counts as JSON."""
    port, key, ids, batch, connections, seconds = sys.argv[1:]
    crowd = Crowd(key, Bodies(ids, int(batch)), int(connections), float(seconds))
    print(json.dumps(asyncio.run(crowd.run(int(port)))))


if __name__ == "__main__":
    main()
