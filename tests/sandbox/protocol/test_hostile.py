"""Whatever a stranger sends to whichever endpoint: an answer of Stripe's kind, never a mistake.

More of it, from the root of the repository: `python -m tests.sandbox.protocol.test_hostile 0 100`
plays these seeds and prints what broke.
"""

import logging
import random
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
from tests.sandbox.conftest import START
from tests.sandbox.protocol.fuzz import Stranger, endpoints, furnish

from tallygate_sandbox.api.call import Call
from tallygate_sandbox.api.endpoints import Endpoint, find_endpoint
from tallygate_sandbox.app import Sandbox
from tallygate_sandbox.world import SandboxClock, World
from tallygate_sandbox.world.objects import decode

DAYS = (1, 5, 31)
REQUESTS_BETWEEN = 50


def mistakes(seed: int, requests: int, statuses: "Counter[int] | None" = None) -> Iterator[str]:
    """Requests that were answered by 500, and due steps that failed."""
    statuses = Counter() if statuses is None else statuses
    world = World(SandboxClock(START), seed)
    stranger = Stranger(Sandbox(world), random.Random(seed))  # noqa: S311  # a test's dice
    furnish(stranger)
    every = endpoints()
    making = [one for one in every if one.method == "POST" and "{" not in one.path]
    for number in range(1, requests + 1):
        pool = making if stranger.dice.random() < 0.3 else every
        answer, sent = stranger.ask(stranger.dice.choice(pool))
        statuses[answer.status] += 1
        if answer.status >= 500 and answer.status != 501:
            yield sent
        if answer.status == 200:
            stranger.remember(decode(answer.body))
        if number % REQUESTS_BETWEEN == 0:
            yield from live_on(world, stranger.dice.choice(DAYS))


def live_on(world: World, days: int) -> Iterator[str]:
    """Let some days pass; what failed is told and left out."""
    until = world.clock.now() + days * 86_400
    while (following := world.timers.next_due("")) and following.at <= until:
        try:
            world.play_next("", until)
        except Exception as mistake:  # noqa: BLE001  # it is told
            yield f"{following.name} of {following.ident}: {mistake!r}"
            with world.transaction():
                world.timers.stop(following.name, following.ident)
    world.clock.move_to(until)


@pytest.mark.parametrize("seed", range(4))
def test_no_request_leads_to_a_mistake(seed: int) -> None:
    statuses: Counter[int] = Counter()
    assert list(mistakes(seed, 300, statuses)) == []
    assert statuses[200] > 40  # it does not all bounce off the door
    assert statuses[400] > 40


LISTS = {"/v1/customers", "/v1/coupons", "/v1/prices", "/v1/products", "/v1/subscriptions"}


def test_a_planted_mistake_is_found(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(call: Call) -> dict[str, object]:
        return {"id": call.params["created"]}  # where none was sent

    def found(method: str, path: str) -> tuple[Endpoint, dict[str, str]] | None:
        known = find_endpoint(method, path)
        planted = method == "GET" and path in LISTS
        return (replace(known[0], act=broken), known[1]) if known and planted else known

    monkeypatch.setattr("tallygate_sandbox.app.find_endpoint", found)
    assert any(one.startswith("GET ") for one in mistakes(1, 300))
    assert "KeyError" in caplog.text


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    total: Counter[int] = Counter()
    for chosen in range(int(sys.argv[1]), int(sys.argv[2])):
        for told in mistakes(chosen, 1500, total):
            print(chosen, told)  # noqa: T201  # the terminal
    print(dict(total))  # noqa: T201  # the terminal
