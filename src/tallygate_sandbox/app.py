"""From the bytes of a request to the bytes of an answer.

A request is read, known by its key, looked up, checked against its shape, executed in one
transaction and shown with what was to be expanded. Each step may refuse.
"""

import base64
import hashlib
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tallygate_sandbox.api.call import Call
from tallygate_sandbox.api.endpoints import Endpoint, find_endpoint
from tallygate_sandbox.api.expansion import expand
from tallygate_sandbox.api.idempotency import Idempotency
from tallygate_sandbox.clocks import refuse_changes
from tallygate_sandbox.control.pulse import Pulse
from tallygate_sandbox.control.requests import routes
from tallygate_sandbox.wire.forms import parse_form
from tallygate_sandbox.wire.parameters import check
from tallygate_sandbox.wire.refusals import Refusal, absent
from tallygate_sandbox.wire.shapes import Fields, Many, Number, Shape, Text
from tallygate_sandbox.world import World
from tallygate_sandbox.world.events import API_VERSION
from tallygate_sandbox.world.objects import encode

# Importing a room declares its endpoints.
ROOMS = ("clocks", "products", "customers", "meters", "credits")
CONTROLS = ("control.clock",)
MAX_BODY = 1_000_000
EXPAND: dict[str, Shape] = {"expand": Many(Text())}
PAGING: dict[str, Shape] = {
    "limit": Number(whole=True),
    "starting_after": Text(),
    "ending_before": Text(),
}

log = logging.getLogger("tallygate_sandbox")


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, a body of JSON, and headers."""

    status: int
    body: bytes
    headers: Mapping[str, str]


class Sandbox:
    """A world and what a request needs beside it."""

    def __init__(self, world: World) -> None:
        for room in (*ROOMS, *CONTROLS):
            import_module(f"tallygate_sandbox.{room}")
        self.world = world
        self.idempotency = Idempotency()

    def answer(
        self, method: str, target: str, query: str, body: bytes, headers: Mapping[str, str]
    ) -> Answer:
        """Answer one request of the API; `headers` have lower-case names."""
        request_id = self.world.ids.new("req", 14)
        asked = Asked(method, target, query, body, headers, request_id)
        sent = {
            "Request-Id": request_id,
            "Stripe-Version": headers.get("stripe-version", API_VERSION),
        }
        if key := headers.get("idempotency-key"):
            sent["Idempotency-Key"] = key
        try:
            authenticate(headers.get("authorization", ""))
            status, answer, more = self._execute(asked)
        except Refusal as refusal:
            status, answer, more = refusal.status, encode(asked.said(refusal)), refusal.headers
        return Answer(status, answer, sent | more)

    def _execute(self, asked: "Asked") -> tuple[int, bytes, dict[str, str]]:
        """Find the endpoint, check the parameters, and act once for each idempotency key."""
        found = find_endpoint(asked.method, asked.target)
        if found is None:
            raise absent(f"the endpoint {asked.method} {asked.target}")
        declared, path = found
        params = check(asked.tree(), _with_everywhere(declared))
        declared.refuse_absent(params)
        call = Call(
            self.world,
            params,
            path,
            asked.target,
            dict(asked.headers),
            f"http://{asked.headers.get('host', '127.0.0.1')}",
        )
        key = asked.headers.get("idempotency-key")
        if key is None or asked.method == "GET":
            return *self._act(declared, call, asked), {}
        kept = self.idempotency.begin(key, asked.fingerprint(), asked.id, self.world.clock.now())
        if kept:
            replayed = {"Idempotent-Replayed": "true", "Original-Request": kept.request_id}
            return kept.status, kept.body, replayed
        status, body = self._act(declared, call, asked)
        self.idempotency.keep(key, status, body)
        if status >= 400 and asked.target.startswith("/v2/"):
            self.idempotency.forget(key)
        return status, body, {"Original-Request": asked.id}

    def _act(self, declared: Endpoint, call: Call, asked: "Asked") -> tuple[int, bytes]:
        """Act in one transaction. A refusal is an answer too: it is what the key will repeat."""
        origin = {"id": asked.id, "idempotency_key": asked.headers.get("idempotency-key")}
        kept: Refusal | None = None
        try:
            with self.world.transaction(origin):
                try:
                    answer = declared.act(call)
                    refuse_changes(self.world)
                    shown = answer if answer.get("object") == "list" else self.world.view(answer)
                    return 200, encode(expand(self.world, shown, call.sent("expand", [])))
                except Refusal as refusal:
                    if not refusal.keeps:
                        raise
                    kept = refusal
        except Refusal as refusal:
            return refusal.status, encode(asked.said(refusal))
        except Exception:
            log.exception("%s %s failed", asked.method, asked.target)
            mistake = Refusal(
                "The sandbox made a mistake; its log says where.", status=500, type="api_error"
            )
            return 500, encode(asked.said(mistake))
        return kept.status, encode(asked.said(kept))


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came."""

    method: str
    target: str
    query: str
    body: bytes
    headers: Mapping[str, str]
    id: str

    def tree(self) -> Any:
        """The parameters, from the query and the body: forms in version 1, JSON in version 2."""
        if len(self.body) > MAX_BODY:
            raise Refusal("Request too large.", status=413)
        if not self.target.startswith("/v2/"):
            try:
                text = self.body.decode()
            except UnicodeDecodeError:
                raise Refusal("Invalid request: the form is not UTF-8.") from None
            return parse_form("&".join(part for part in (self.query, text) if part))
        try:
            return (parse_form(self.query) if self.query else {}) | (
                msgspec.json.decode(self.body) if self.body else {}
            )
        except (msgspec.DecodeError, TypeError):
            raise Refusal("Invalid request: the body is not a JSON object.") from None

    def said(self, refusal: Refusal) -> dict[str, Any]:
        """A refusal's JSON, in the words of the version that was called."""
        version_2 = self.target.startswith("/v2/")
        return refusal.body_of_version_2() if version_2 else refusal.body(self.id)

    def fingerprint(self) -> bytes:
        """What makes two requests the same to an idempotency key."""
        parts = (self.method.encode(), self.target.encode(), self.query.encode(), self.body)
        return hashlib.sha256(b"\0".join(parts)).digest()


def _with_everywhere(declared: Endpoint) -> Fields:
    shapes = declared.shape.shapes
    more = EXPAND if declared.method != "GET" else EXPAND | PAGING
    return Fields(more | shapes, declared.shape.required)


def authenticate(authorization: str) -> None:
    """Take a test key as a bearer token or as the user name of basic authentication.

    Raises:
        Refusal: 401 without a key, with a live key, or with one that is no key.
    """
    scheme, _, credentials = authorization.partition(" ")
    key = credentials.strip()
    if scheme.lower() == "basic":
        try:
            key = base64.b64decode(key).decode().partition(":")[0]
        except ValueError:
            key = ""
    if not key:
        raise Refusal(
            "You did not provide an API key. You need to provide your API key in the Authorization "
            "header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
            status=401,
        )
    if key.startswith(("sk_live_", "rk_live_")):
        raise Refusal(
            "This is a local sandbox: it takes test keys (sk_test_...) and you sent a live one.",
            status=401,
            code="secret_key_required",
        )
    if not key.startswith(("sk_test_", "rk_test_", "mes_")):
        raise Refusal(f"Invalid API Key provided: {key[:8]}***", status=401)


def application(sandbox: Sandbox) -> Starlette:
    """The ASGI application."""
    pulse = Pulse(sandbox.world)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with pulse.running():
            yield

    async def api(request: Request) -> Response:
        pulse.catch_up()
        answer = sandbox.answer(
            request.method,
            request.url.path,
            request.url.query,
            await request.body(),
            request.headers,
        )
        pulse.stir()
        return Response(answer.body, answer.status, dict(answer.headers), "application/json")

    methods = ["GET", "POST", "DELETE"]
    everything_else = Route("/{version:path}", api, methods=methods)
    return Starlette(routes=[*routes(pulse), everything_else], lifespan=lifespan)
