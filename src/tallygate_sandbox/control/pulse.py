"""What goes on by itself while the server lives: due timers, advancing clocks, deliveries.

Everything runs in the event loop of the server, to which the world belongs, in slices so short
that requests are answered in between.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator
from ipaddress import ip_address

from starlette.requests import Request

from tallygate_sandbox import clocks
from tallygate_sandbox.control.faults import Faults
from tallygate_sandbox.control.lately import Lately
from tallygate_sandbox.webhooks import Sender
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import World
from tallygate_sandbox.world.world import SANDBOX

SLICE_SECONDS = 0.02
LONGEST_WAIT = 3600
AFTER_A_MISTAKE = 5
MAX_BEFORE_A_REQUEST = 1000
MAX_AT_ONE_INSTANT = 100_000

log = logging.getLogger("tallygate_sandbox")


class Pulse:
    """The world's own motion."""

    def __init__(self, world: World, *, allow_remote: bool = False) -> None:
        self.world = world
        self.sender = Sender(world)
        self.faults = Faults()
        self.lately = Lately()
        self._allow_remote = allow_remote
        self._stirred = asyncio.Event()
        self._clock_stirred = asyncio.Event()
        self._moving = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """All of it, as long as the context lasts."""
        tasks = [
            asyncio.create_task(self._keep_time()),
            asyncio.create_task(self._advance_test_clocks()),
        ]
        try:
            async with self.sender.running():
                yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def stir(self) -> None:
        """Look again: a request may have changed what is due."""
        self._stirred.set()
        self._clock_stirred.set()
        self.sender.stir()

    def admit(self, request: Request) -> None:
        """Refuse who is not on this machine, and a page of another site in the browser here.

        Raises:
            Refusal: 403.
        """
        origin, host = request.headers.get("origin"), request.headers.get("host", "")
        if origin and origin.partition("//")[2] != host:
            raise Refusal("A page of another site may not move the sandbox.", status=403)
        if self._allow_remote or request.client is None:
            return
        # A name that is led to this machine would let a page of another site in.
        named = host[: host.rfind("]") + 1] or host.partition(":")[0]
        if named != "localhost" and not _is_address(named.strip("[]")):
            raise Refusal("The sandbox is steered at its address, or at localhost.", status=403)
        if not ip_address(request.client.host).is_loopback:
            raise Refusal("The sandbox is steered from its own machine only.", status=403)

    async def move(self, until: int, *, one_step: bool = False, deliver: bool = False) -> None:
        """Move the sandbox's clock forward, playing every due step in order.

        `one_step` stops at the next instant at which something is due. With `deliver` time waits
        for the webhooks: a step is played after those of the steps before were attempted.

        Raises:
            Refusal: a step failed; the clock stands where it was due.
        """
        async with self._moving:
            if one_step:
                following = self.world.timers.next_due(SANDBOX)
                until = min(until, following.at) if following else until
            if deliver:
                await self.sender.settle()
            await self._play(until, deliver=deliver)
            self.world.move_clock(until)
        self.stir()

    async def _play(self, until: int, *, deliver: bool = False) -> None:
        world, slice_ends = self.world, time.monotonic() + SLICE_SECONDS
        at, steps = 0, 0
        while (timer := world.timers.next_due(SANDBOX)) and timer.at <= until:
            steps = steps + 1 if timer.at == at else 1
            at = timer.at
            if steps > MAX_AT_ONE_INSTANT:
                raise Refusal(f"{timer.name} is due again and again at {at}.", status=500)
            world.clock.move_to(at)
            try:
                world.play_next(SANDBOX, until)
            except Exception as mistake:
                log.exception("%s of %s, due at %s, failed", timer.name, timer.ident, at)
                raise Refusal(
                    f"The step {timer.name} of {timer.ident}, due at {at}, failed: {mistake!r}. "
                    "The clock stands there; the sandbox's log says more.",
                    status=500,
                    type="api_error",
                ) from mistake
            if deliver:
                await self.sender.settle()
            if time.monotonic() > slice_ends:
                await asyncio.sleep(0)
                slice_ends = time.monotonic() + SLICE_SECONDS

    async def _keep_time(self) -> None:
        """Play what comes due while the clock runs, and at once what is due already."""
        while True:
            self._stirred.clear()
            wait: float
            try:
                async with self._moving:
                    await self._play(self.world.clock.now())
                    self.catch_up()
                wait = self._until_next()
            except Refusal:
                wait = AFTER_A_MISTAKE  # told by the log
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stirred.wait(), wait)

    async def _advance_test_clocks(self) -> None:
        while True:
            self._clock_stirred.clear()
            while moving := clocks.advancing(self.world):
                for clock in moving:
                    clocks.play(self.world, clock, SLICE_SECONDS)
                    await asyncio.sleep(0)
                self._stirred.set()
            await self._clock_stirred.wait()

    def catch_up(self) -> None:
        """Play what is due at this moment: a request sees the world after that."""
        try:
            self.world.catch_up(MAX_BEFORE_A_REQUEST)
        except Exception as mistake:  # noqa: BLE001  # the clock's own beat tells it in full
            log.debug("a due step failed: %r", mistake)

    def _until_next(self) -> float:
        following = self.world.timers.next_due(SANDBOX)
        if following is None or self.world.clock.frozen is not None:
            return LONGEST_WAIT
        return min(max(following.at - self.world.clock.now(), 0.01), LONGEST_WAIT)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
