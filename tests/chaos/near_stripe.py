"""A local Stripe in this very process: as fast as a call, and put back to where it was at will.

It is the sandbox's own world behind the SDK's own client, without a network between them. What may
go wrong on the way is asked of `trouble` for each request that comes.
"""

import asyncio
import pickle
import threading
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, Literal
from urllib.parse import urlsplit

from starlette.routing import compile_path
from stripe import APIConnectionError, HTTPClient

from tallygate_sandbox.app import Answer, Begun, Sandbox
from tallygate_sandbox.checkout.completion import Person, complete
from tallygate_sandbox.control.faults import Fault as Refusing
from tallygate_sandbox.control.faults import broken
from tallygate_sandbox.control.pulse import Pulse
from tallygate_sandbox.control.requests import _ROUTES
from tallygate_sandbox.world import SandboxClock, World
from tallygate_sandbox.world.timers import Timers
from tallygate_sandbox.world.world import SANDBOX

Kind = Literal[
    "drop",  # nobody answers, nothing is done
    "drop_after",  # nobody answers, and it is done
    "late",  # nobody answers, and it is done a few requests later
    "error",  # a failure that did nothing
    "error_after",  # a failure after all was done, repeated to its key for a day
    "rate_limit",
    "lock_timeout",
]
KINDS: tuple[Kind, ...] = (
    *("drop", "drop_after", "late", "error", "error_after", "rate_limit", "lock_timeout"),
)
Trouble = Callable[[str, str], Kind | None]
LATER = 4
"""After so many more requests that is done which was under way all the while."""


def no_trouble(_method: str, _path: str) -> None:
    """All goes well."""


class NearStripe(HTTPClient):
    """The sandbox, as the SDK's HTTP client; `asked` are the requests that came."""

    name = "near"
    url = "http://127.0.0.1:1"

    def __init__(self, at: int) -> None:
        super().__init__()
        self.world = World(SandboxClock(at), seed=1)
        self.world.base_url = self.url
        self._sandbox = Sandbox(self.world)
        self._pulse = Pulse(self.world)
        self._turn = threading.RLock()  # the world belongs to one at a time
        self._under_way: list[tuple[int, Begun]] = []
        self.trouble: Trouble = no_trouble
        self.asked: list[tuple[str, str]] = []

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        **_more: Any,
    ) -> tuple[Any, int, Mapping[str, str]]:
        """Answer a request, or let it go wrong."""
        path = urlsplit(url).path
        with self._turn:
            self.asked.append((method.upper(), path))
            kind = self.trouble(method.upper(), path)
            return self.answer(method, url, headers, post_data, kind)

    def answer(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        kind: Kind | None = None,
    ) -> tuple[Any, int, Mapping[str, str]]:
        """Answer a request, with what goes wrong with it."""
        split = urlsplit(url)
        with self._turn:
            self._do_what_is_late()
            self.world.catch_up(1000)
            body = post_data.encode() if isinstance(post_data, str) else post_data or b""
            given = {name.lower(): text for name, text in (headers or {}).items()}
            asked = self._sandbox.asked(method.upper(), split.path, split.query, body, given)
            if kind in {"drop", "late"} and method.upper() == "GET":
                raise _nobody()
            if kind == "drop":
                raise _nobody()
            if kind in {"error", "rate_limit", "lock_timeout"}:
                fault = Refusing("", kind, 1, 0, None, "", 0.0, "global-rate")
                refusal = fault.refusal()
                assert refusal is not None
                return _sent(asked.refused(refusal))
            begun = self._sandbox.begin(asked)
            if isinstance(begun, Answer):
                return _sent(begun)
            if kind == "late":
                self._under_way.append((len(self.asked) + LATER, begun))
                raise _nobody()
            lie = broken() if kind == "error_after" else None
            answer = self._sandbox.finish(begun, lie)
            if kind == "drop_after":
                raise _nobody()
            return _sent(answer)

    def close(self) -> None:
        """There is no connection."""

    def control(
        self, address: str, body: dict[str, Any] | None = None, method: str | None = None
    ) -> dict[str, Any]:
        """What a running sandbox has below `/_sandbox`."""
        parts = address.split("/")
        sent = body or {}
        with self._turn:
            if parts[:2] == ["checkout", "sessions"]:
                person = Person(email=sent.get("email"))
                refused = complete(self.world, parts[2], sent.get("card"), person)
                assert refused is None, refused
                return {}
            wanted = method or ("GET" if body is None else "POST")
            for known, path, act in _ROUTES:
                pattern, _, _ = compile_path(path)
                found = pattern.match(f"/_sandbox/{address}")
                if found and known == wanted:
                    request: Any = SimpleNamespace(path_params=found.groupdict())
                    return asyncio.run(act(self._pulse, request, sent))  # type: ignore[arg-type]  # a coroutine
        raise LookupError(address)

    def advance_to(self, instant: int) -> None:
        """Let time pass, and play all that is due."""
        with self._turn:
            self._do_what_is_late(everything=True)
            timers, clock = self.world.timers, self.world.clock
            while (timer := timers.next_due(SANDBOX)) and timer.at <= instant:
                clock.move_to(timer.at)
                self.world.play_next(SANDBOX, instant)
            self.world.move_clock(instant)

    def saved(self) -> bytes:
        """All that there is, to be put back later."""
        timers, objects = self.world.timers, self.world.objects
        assert not self._under_way, "nothing is under way"
        kept = [obj for table in objects._tables.values() for obj in table.values()]
        live = list(timers._live.values())
        return pickle.dumps((kept, live, self.world.clock.frozen, self.world.ids))

    def put_back(self, saved: bytes) -> None:
        """Be what was saved."""
        kept, live, frozen, self.world.ids = pickle.loads(saved)  # noqa: S301  # our own bytes
        self.world.objects = type(self.world.objects)()
        self.world.timers = Timers()
        for obj in kept:
            self.world.objects.restore(obj)
        for timer in live:
            self.world.timers.restore(timer)
        self.world.clock.frozen = frozen
        self._sandbox = Sandbox(self.world)
        self._under_way, self.asked, self.trouble = [], [], no_trouble

    def _do_what_is_late(self, *, everything: bool = False) -> None:
        due = [one for one in self._under_way if everything or one[0] <= len(self.asked)]
        for one in due:
            self._under_way.remove(one)
            self._sandbox.finish(one[1])


class Calm(HTTPClient):
    """The same Stripe, for those whose requests never go wrong: customers, hands, and oracles."""

    name = "calm"

    def __init__(self, near: NearStripe) -> None:
        super().__init__()
        self._near = near

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        **_more: Any,
    ) -> tuple[Any, int, Mapping[str, str]]:
        """Answer a request."""
        return self._near.answer(method, url, headers, post_data)

    def close(self) -> None:
        """There is no connection."""


def _nobody() -> APIConnectionError:
    return APIConnectionError("nobody answered")  # type: ignore[no-untyped-call]  # the SDK's


def _sent(answer: Answer) -> tuple[bytes, int, Mapping[str, str]]:
    return answer.body, answer.status, answer.headers
