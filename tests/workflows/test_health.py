"""The payment provider is asked rarely, by one, and what it answered is told to everybody."""

import threading
from datetime import timedelta

import pytest

from tallygate.adapters.store import inbox, provider_state
from tallygate.adapters.store.inbox import NewHint
from tallygate.adapters.store.provider_state import Calls
from tallygate.core.errors import Unreachable
from tallygate.testing import FrozenClock
from tallygate.workflows.health import (
    EVERY,
    Probe,
    ProviderHealth,
    known_health,
    provider_health,
    what_waits,
)
from tallygate.workflows.installation import Installation

NAME = "Stripe (test mode)"


class Asked:
    """A provider that counts how often it is asked."""

    def __init__(self, name: str = NAME) -> None:
        self.times = 0
        self.away = False
        self.probe = Probe(name, self.ask, lambda: None)

    def ask(self) -> None:
        self.times += 1
        if self.away:
            raise Unreachable("It is away.")


def test_however_many_watch_it_is_asked_every_five_minutes(
    each_installation: Installation, clock: FrozenClock
) -> None:
    provider = Asked()
    assert known_health(each_installation, NAME).state == "unknown"
    for _ in range(240):
        clock.advance(timedelta(seconds=15))
        provider_health(each_installation, provider.probe)
    assert provider.times == 12
    with each_installation.store.read() as tx:
        [calls] = provider_state.calls_since(tx, clock.now().date()).values()
    assert calls == Calls(reads=12, writes=0)


def test_every_process_is_told_what_one_has_heard(
    each_installation: Installation, clock: FrozenClock
) -> None:
    here, there = Asked(), Asked()
    here.away = True
    heard = provider_health(each_installation, here.probe)
    assert heard == ProviderHealth(NAME, "unhealthy", "It is away.", clock.now())
    clock.advance(EVERY - timedelta(seconds=1))
    assert provider_health(each_installation, there.probe) == heard
    assert there.times == 0
    clock.advance(timedelta(seconds=1))
    assert provider_health(each_installation, there.probe).state == "healthy"
    assert known_health(each_installation, NAME).asked_at == clock.now()


def test_doctor_asks_at_once_and_clears_what_was_said(
    installation: Installation,
) -> None:
    provider = Asked()
    provider.away = True
    provider_health(installation, provider.probe)
    provider.away = False
    assert provider_health(installation, provider.probe).state == "unhealthy"
    assert provider_health(installation, provider.probe, at_once=True).state == "healthy"
    assert known_health(installation, NAME).state == "healthy"


def test_while_one_asks_the_others_do_not_wait(each_installation: Installation) -> None:
    asked, answer = threading.Event(), threading.Event()
    slow = Asked()

    def ask() -> None:
        slow.times += 1
        asked.set()
        assert answer.wait(20)

    probe = Probe(NAME, ask, lambda: None)
    thread = threading.Thread(target=provider_health, args=(each_installation, probe))
    thread.start()
    assert asked.wait(20)
    assert provider_health(each_installation, probe).state == "unknown"
    answer.set()
    thread.join(20)
    assert slow.times == 1
    assert known_health(each_installation, NAME).state == "healthy"


def test_another_account_is_asked_anew(installation: Installation, clock: FrozenClock) -> None:
    first, second = Asked(), Asked("Stripe (live mode)")
    provider_health(installation, first.probe)
    assert known_health(installation, "Stripe (live mode)").state == "unknown"
    assert provider_health(installation, second.probe).state == "healthy"
    assert second.times == 1


def test_a_clock_that_was_set_back_stops_nothing(
    installation: Installation, clock: FrozenClock
) -> None:
    provider = Asked()
    provider_health(installation, provider.probe)
    clock.advance(-timedelta(days=1))
    provider_health(installation, provider.probe)
    assert provider.times == 2


def test_one_who_breaks_off_is_followed_by_the_next(
    installation: Installation, clock: FrozenClock
) -> None:
    def break_off() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        provider_health(installation, Probe(NAME, break_off, lambda: None))
    provider = Asked()
    assert provider_health(installation, provider.probe).state == "unknown"
    clock.advance(EVERY)
    assert provider_health(installation, provider.probe).state == "healthy"


def test_what_waits_is_counted(each_installation: Installation, clock: FrozenClock) -> None:
    with each_installation.store.read() as tx:
        assert what_waits(tx, clock.now()) == (0, None, 0, None, 0, 0, 0, False)
    came = clock.now()
    hints = [
        NewHint(f"evt_{n}", "invoice.paid", False, came, None, came, "waiting", b"{}")  # a field
        for n in range(3)
    ]
    with each_installation.store.write() as tx:
        inbox.keep(tx, hints)
    clock.advance(timedelta(hours=2))
    with each_installation.store.read() as tx:
        waiting = what_waits(tx, clock.now())
    assert (waiting.hints, waiting.oldest_hint) == (3, came)
