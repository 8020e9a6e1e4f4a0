"""`/_sandbox/...`: JSON in, JSON out. A name that is not known is refused, as everywhere."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tallygate_sandbox.control.pulse import Pulse
from tallygate_sandbox.wire.refusals import Refusal, unknown_param

Body = dict[str, Any]
Act = Callable[[Pulse, Request, Body], Awaitable[Body]]

LATEST = 253_402_300_799  # the year 9999

METHODS = ["GET", "POST", "DELETE", "PUT", "PATCH"]

_ROUTES: list[tuple[str, str, Act]] = []


def control(address: str) -> Callable[[Act], Act]:
    """Declare an address of the sandbox's own: `@control("POST /_sandbox/clock")`."""
    method, path = address.split(" ")

    def declare(act: Act) -> Act:
        _ROUTES.append((method, path, act))
        return act

    return declare


def routes(pulse: Pulse) -> list[Route]:
    own = [Route(path, _route(pulse, act), methods=[method]) for method, path, act in _ROUTES]
    nothing = Route("/_sandbox/{rest:path}", _route(pulse, _nothing_here), methods=METHODS)
    return [*own, nothing]


async def _nothing_here(_pulse: Pulse, request: Request, _body: Body) -> Body:
    there = ", ".join(f"{method} {path}" for method, path, _ in _ROUTES)
    asked = f"{request.method} {request.scope['path'][:200]}"
    raise Refusal(f"There is no {asked}. There are: {there}.", status=404)


def _route(pulse: Pulse, act: Act) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            pulse.admit(request)
            return JSONResponse(await act(pulse, request, await _body(request)))
        except Refusal as refusal:
            return JSONResponse(refusal.body(""), refusal.status)

    return answer


async def _body(request: Request) -> Body:
    sent = await request.body()
    try:
        body = msgspec.json.decode(sent) if sent else {}
    except (msgspec.DecodeError, UnicodeDecodeError):
        body = None
    if not isinstance(body, dict):
        raise Refusal('Send the parameters as a JSON object, such as {"name": 1}.')
    return body


class Sent:
    """The named parameters of a body; every other is refused."""

    def __init__(self, body: Body, names: str) -> None:
        known = names.split()
        for name in body.keys() - set(known):
            raise unknown_param(name, known)
        self._body = body

    def truth(self, name: str, default: bool = False) -> bool:  # noqa: FBT001, FBT002  # a default
        value = self._body.get(name, default)
        if not isinstance(value, bool):
            raise Refusal(f"{name} is true or false.", param=name)
        return value

    def whole(self, name: str, least: int = 0, most: int = LATEST) -> int | None:
        """A whole number; of seconds, up to the year 9999."""
        value = self._body.get(name)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            what = f"a whole number from {least} to {most}"
            if most == LATEST:
                what = "a whole number of seconds; an instant is counted from 1970"
            raise Refusal(f"{name} is {what}.", param=name)
        return value

    def wholes(self, name: str, longest: int, most: int) -> list[int]:
        """A list of whole numbers from 1."""
        value = self._body.get(name)
        if not isinstance(value, list) or len(value) > longest:
            raise Refusal(f"{name} is a list of at most {longest} numbers.", param=name)
        for one in value:
            if not isinstance(one, int) or isinstance(one, bool) or not 1 <= one <= most:
                raise Refusal(f"{name} holds whole numbers from 1 to {most}.", param=name)
        return value

    def texts(self, name: str, most: int) -> dict[str, str]:
        """Texts by name."""
        value = self._body.get(name)
        if not isinstance(value, dict) or len(value) > most:
            raise Refusal(f"{name} is an object of at most {most} texts.", param=name)
        if not all(isinstance(one, str) for one in value.values()):
            raise Refusal(f"{name} is an object of texts.", param=name)
        return value

    def fraction(self, name: str, most: float, default: float) -> float:
        """A number from 0."""
        value = self._body.get(name, default)
        good = isinstance(value, int | float) and not isinstance(value, bool)
        if not good or not 0 <= value <= most:
            raise Refusal(f"{name} is a number from 0 to {most:g}.", param=name)
        return float(value)

    def text(self, name: str, default: str) -> str:
        value = self._body.get(name, default)
        if not isinstance(value, str) or not value:
            raise Refusal(f"{name} is a text.", param=name)
        return value

    def choice(self, name: str, words: tuple[str, ...], default: str) -> str:
        if name not in self._body:
            return default
        value = self._body[name]
        if not isinstance(value, str) or value not in words:
            raise Refusal(f"{name} is one of {', '.join(words)}.", param=name)
        return value
