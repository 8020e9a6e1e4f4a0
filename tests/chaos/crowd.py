"""Clients that do not give up: each event is sent until its batch is acknowledged.

What was acknowledged is remembered, with the quantity that it said.
"""

import http.client
import json
import random
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Self

SUBJECTS = 8
PATIENCE = 300.0
"""Seconds after which a server that makes no headway hangs. No speed is asked of the machine."""


class Crowd:
    """Some threads that send batches of a few events, with retries and repetitions."""

    def __init__(
        self, port: int, key: str, size: int = 4, seed: int = 1, *, repeated: float = 0.2
    ) -> None:
        self._port = port
        self._key = key
        self._repeated = repeated
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._run, args=(f"c{seed}-{number}",))
            for number in range(size)
        ]
        self.acknowledged: dict[str, int] = {}
        self.problems: list[str] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Give up at last."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def known(self) -> dict[str, int]:
        """What has been acknowledged so far."""
        with self._lock:
            return dict(self.acknowledged)

    def reached(self, count: int) -> bool:
        """Whether so many events have been acknowledged."""
        with self._lock:
            return len(self.acknowledged) >= count

    def _run(self, name: str) -> None:
        chance = random.Random(name)  # noqa: S311 replayed by its seed
        made = 0
        kept: list[dict[str, object]] = []
        while not self._stopping.is_set():
            batch = []
            for _ in range(chance.choice((1, 3, 20))):
                if kept and chance.random() < self._repeated:
                    batch.append(chance.choice(kept))
                    continue
                made += 1
                batch.append(self._event(f"{name}-{made}", chance))
            if self._send(batch):
                kept = (kept + batch)[-100:]

    def _event(self, name: str, chance: random.Random) -> dict[str, object]:
        at = datetime.now(UTC) - timedelta(seconds=chance.randrange(7200))  # noqa: TID251 a client
        return {
            "specversion": "1.0",
            "id": name,
            "source": "chaos",
            "type": chance.choice(("llm.tokens", "disk.size")),
            "subject": f"account-{chance.randrange(SUBJECTS)}",
            "time": at.isoformat(),
            "data": {"tokens": chance.randrange(1, 100), "gb": 3, "user": f"u{made_of(name)}"},
        }

    def _send(self, batch: list[dict[str, object]]) -> bool:
        """Send until acknowledged, or until told to stop."""
        body = json.dumps(batch).encode()
        headers = {"authorization": f"Bearer {self._key}", "content-type": "application/json"}
        while not self._stopping.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
            try:
                connection.request("POST", "/v1/events", body, headers)
                answer = connection.getresponse()
                told = answer.read()
            except (OSError, http.client.HTTPException):
                time.sleep(0.02)
                continue
            finally:
                connection.close()
            if answer.status == 503:
                time.sleep(0.02)
                continue
            with self._lock:
                self._note(batch, answer.status, told)
            return True
        return False

    def _note(self, batch: list[dict[str, object]], status: int, told: bytes) -> None:
        verdicts = json.loads(told)
        if status != 200 or verdicts["rejected"] or verdicts["conflicts"]:
            self.problems.append(f"{status}: {told[:500]!r}")
            return
        for event in batch:
            fields = event["data"]
            assert isinstance(fields, dict)
            self.acknowledged[str(event["id"])] = int(fields["tokens"])


def made_of(name: str) -> int:
    return sum(name.encode()) % 7
