"""What happens to every request before its handler, and to its answer after it?

The caller is let in, the scope checked, the media type checked, the JSON read strictly. On a POST
that creates, `Idempotency-Key` makes a repetition harmless: the first answer is stored, and told
again to whoever repeats the request.
"""

import hashlib
import json
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any

from fastapi import Security
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute, APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from tallygate.core.errors import Invalid, Refused, Unreachable
from tallygate.interfaces.api.callers import INGEST, READ, WRITE, Caller, Door, bearer, seen_by
from tallygate.interfaces.api.persons import Asked, narrowed, require_right
from tallygate.interfaces.api.wire import decode_json
from tallygate.workflows import idempotency

_KEY_PARAMETER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": (
        "Any text of 1 to 128 characters. Repeating the request with it within 24 hours answers "
        "as the first time, marked `Idempotent-Replayed: true`."
    ),
    "schema": {"type": "string", "minLength": 1, "maxLength": 128},
}

Access = dict[str, Any]
"""What a route asks of a caller, beside what it says of itself in the OpenAPI document."""

_CREATING: Access = {"x-creates": True, "parameters": [_KEY_PARAMETER]}

INGESTS: Access = {"x-scope": INGEST, "x-right": "operate"}
READS: Access = {"x-scope": READ, "x-right": "see"}
WRITES: Access = {"x-scope": WRITE, "x-right": "operate"}
CREATES: Access = {**WRITES, **_CREATING}
SEES_BILLING: Access = {"x-scope": READ, "x-right": "see_billing"}
CHANGES_BILLING: Access = {"x-scope": WRITE, "x-right": "change_billing"}
CREATES_BILLING: Access = {**CHANGES_BILLING, **_CREATING}
BUYS: Access = {**CREATES_BILLING, "x-goes-on": True}
MANAGES: Access = {"x-scope": WRITE, "x-right": "manage"}
MANAGES_ANEW: Access = {**MANAGES, **_CREATING}
PLATFORM_WRITES: Access = {**WRITES, "x-platform": True}
PLATFORM_CREATES: Access = {**CREATES, "x-platform": True}


def about(access: Access, *fields: str) -> Access:
    """The same for a route that is about one project: see `persons.Asked`."""
    return {**access, "x-about": fields}


PROBLEM = {
    "description": "A problem, explained (RFC 9457).",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class StrictRequest(Request):
    """A request whose JSON is read exactly."""

    async def json(self) -> Any:
        """The body, with decimals for numbers that have a fraction."""
        return decode_json(await self.body())


class GuardedRoute(APIRoute):
    """A route that knows its scope and, where it creates, its idempotency key."""

    def get_route_handler(self) -> Handler:
        """The handler, with everything before and after it."""
        inner = super().get_route_handler()
        access = self.openapi_extra or {}
        scope, platform = access.get("x-scope", WRITE), bool(access.get("x-platform"))
        creates, takes_json = bool(access.get("x-creates")), self.body_field is not None
        asked = Asked(access.get("x-right", "manage"), access.get("x-about", ()))
        known = tuple(parameter.alias for parameter in self.dependant.query_params)

        async def guarded(request: Request) -> Response:
            door: Door = request.app.state.door
            authorization = request.headers.get("authorization")
            caller = await run_in_threadpool(door.authenticate, authorization)
            caller.require(scope)
            caller = await run_in_threadpool(narrowed, door.installation, caller, request)
            if platform:
                caller.require_platform()
            check_query(request.query_params, known)
            strict = StrictRequest(request.scope, request.receive)
            strict.state.caller = caller
            if takes_json:
                await _check_body(strict)
            if caller.person is not None:
                told = {**await _fields(strict), **request.query_params, **request.path_params}
                here = seen_by(door.installation, caller)
                await run_in_threadpool(require_right, here, caller, asked, told)
            if creates and (key := request.headers.get("idempotency-key")) is not None:
                return await _once(door, caller, key, strict, inner, access)
            return await inner(strict)

        return guarded


def guarded_router(prefix: str, tag: str) -> APIRouter:
    """A router whose routes are guarded, for one noun."""
    return APIRouter(
        prefix=prefix,
        tags=[tag],
        route_class=GuardedRoute,
        dependencies=[Security(bearer)],
        responses={"4XX": PROBLEM},
    )


def check_query(given: Iterable[str], known: tuple[str, ...] = ()) -> None:
    """Refuse a parameter that means nothing here: a filter that is misspelled would list all.

    Raises:
        Invalid: the path does not know it.
    """
    for name in given:
        if name not in known:
            there = f"there are {', '.join(known)}" if known else "this path takes none"
            raise Invalid(
                f"There is no query parameter {name[:128]!r}: {there}.", param=name[:128]
            )


async def _check_body(request: Request) -> None:
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    is_json = media == "application/json" or (
        media.startswith("application/") and media.endswith("+json")
    )
    if not is_json and (media or await request.body()):
        raise HTTPException(415, "Send JSON, with `Content-Type: application/json`.")


async def _fields(request: Request) -> dict[str, Any]:
    """The fields of a JSON body; none where it is no object, which the handler tells."""
    if not await request.body():
        return {}
    try:
        body = await request.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


async def _once(
    door: Door,
    caller: Caller,
    key: str,
    request: Request,
    inner: Handler,
    access: Mapping[str, Any],
) -> Response:
    """Answer a creating request once per key, and the same way ever after.

    A field that is a secret is told the first time only, and not kept. What goes on where it
    stopped gives its key up when the outside does not answer.

    Raises:
        Conflict: the first request with this key is still at work, or was cut off.
        Invalid: the key has another form, or came with another request before.
    """
    body = await request.body()
    asked = f"{request.method} {request.url.path}?{request.url.query}\n".encode() + body
    if caller.person is not None:
        asked += f"\n{caller.organization}\n{caller.person}".encode()
    fingerprint = hashlib.sha256(asked).hexdigest()
    here, secret = door.installation, access.get("x-secret")
    harmless: tuple[type[Exception], ...] = (Refused, RequestValidationError, HTTPException)
    if access.get("x-goes-on"):
        harmless = (*harmless, Unreachable)
    stored = await run_in_threadpool(idempotency.begin, here, caller.key, key, fingerprint)
    if stored is not None:
        return Response(
            stored.body,
            stored.status,
            media_type="application/json",
            headers={"Idempotent-Replayed": "true"},
        )
    try:
        response = await inner(request)
    except harmless:
        # Nothing was done, or it goes on where it stopped. After anything else, a stopping server
        # too, the work may be done: the key stays taken.
        await run_in_threadpool(idempotency.give_up, here, caller.key, key)
        raise
    told = bytes(response.body).decode()
    if secret is not None:
        told = json.dumps(json.loads(told) | {secret: None})
    answer = idempotency.Answer(response.status_code, told)
    await run_in_threadpool(idempotency.finish, here, caller.key, key, answer)
    return response
