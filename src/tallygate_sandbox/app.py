"""From the bytes of a request to the bytes of an answer.

A request is read, known by its key, looked up, checked against its shape, executed in one
transaction and shown with what was to be expanded. Each step may refuse.
"""

import asyncio
import hashlib
import logging
import time
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
from tallygate_sandbox.api.idempotency import NOT_KEPT, Idempotency
from tallygate_sandbox.clocks import refuse_changes
from tallygate_sandbox.control.faults import Fault, broken
from tallygate_sandbox.control.pulse import Pulse
from tallygate_sandbox.control.requests import routes
from tallygate_sandbox.pages import routes as pages
from tallygate_sandbox.wire.forms import parse_form
from tallygate_sandbox.wire.headers import authenticate, check_content, check_version
from tallygate_sandbox.wire.parameters import check
from tallygate_sandbox.wire.paths import stripe_has
from tallygate_sandbox.wire.refusals import Refusal, absent
from tallygate_sandbox.wire.shapes import Fields, Many, Number, Shape, Text
from tallygate_sandbox.world import World
from tallygate_sandbox.world.events import API_VERSION
from tallygate_sandbox.world.objects import encode

# Importing a room declares its endpoints.
ROOMS = (
    "clocks",
    "webhooks",
    "products",
    "customers",
    "meters",
    "credits",
    "payments",
    "invoices",
    "subscriptions",
    "checkout",
)
CONTROLS = ("control.clock", "control.fault_calls", "control.objects", "control.settings")
MAX_BODY = 1_000_000
ABORT = "tallygate_sandbox.abort"  # the server's way to drop a connection
EXPAND: dict[str, Shape] = {"expand": Many(Text())}
PAGING: dict[str, Shape] = {
    "limit": Number(whole=True),
    "starting_after": Text(),
    "ending_before": Text(),
}
PAGING_OF_VERSION_2: dict[str, Shape] = {"limit": Number(whole=True), "page": Text()}

log = logging.getLogger("tallygate_sandbox")


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, a body of JSON, and headers."""

    status: int
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came; `headers` have lower-case names."""

    method: str
    target: str
    query: str
    body: bytes
    headers: Mapping[str, str]
    id: str

    @property
    def version_2(self) -> bool:
        return self.target.startswith("/v2/")

    @property
    def key(self) -> str | None:
        """The idempotency key, where one counts."""
        return None if self.method == "GET" else self.headers.get("idempotency-key")

    def tree(self) -> Any:
        """The parameters, from the query and the body: forms in version 1, JSON in version 2."""
        if not self.version_2:
            check_content(self.headers, self.body)
            try:
                text = self.body.decode()
            except UnicodeDecodeError:
                raise Refusal("Invalid request: the form is not UTF-8.") from None
            return parse_form("&".join(part for part in (self.query, text) if part))
        try:
            sent = msgspec.json.decode(self.body) if self.body else {}
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            sent = None
        if not isinstance(sent, dict):
            raise Refusal("Invalid request: the body is not a JSON object.")
        return parse_form(self.query) | sent

    def said(self, refusal: Refusal) -> bytes:
        """A refusal's JSON, in the words of the version that was called."""
        return encode(refusal.body_of_version_2() if self.version_2 else refusal.body(self.id))

    def refused(self, refusal: Refusal) -> Answer:
        return Answer(refusal.status, self.said(refusal), self.echoed() | refusal.headers)

    def echoed(self) -> dict[str, str]:
        """The headers that every answer has."""
        headers = {
            "Request-Id": self.id,
            "Stripe-Version": self.headers.get("stripe-version", API_VERSION),
        }
        key = self.headers.get("idempotency-key")
        return headers | {"Idempotency-Key": key} if key else headers

    def fingerprint(self) -> str:
        """What makes two requests the same to an idempotency key."""
        parts = (self.method.encode(), self.target.encode(), self.query.encode(), self.body)
        return hashlib.sha256(b"\0".join(parts)).hexdigest()


@dataclass(frozen=True, slots=True)
class Begun:
    """A request that was found to be in order and is to be executed."""

    asked: Asked
    declared: Endpoint
    call: Call


class Sandbox:
    """A world and what a request needs beside it."""

    def __init__(self, world: World, *, allow_remote: bool = False) -> None:
        for room in (*ROOMS, *CONTROLS):
            import_module(f"tallygate_sandbox.{room}")
        self.world = world
        self.allow_remote = allow_remote
        self.idempotency = Idempotency(world)

    def asked(
        self, method: str, target: str, query: str, body: bytes, headers: Mapping[str, str]
    ) -> Asked:
        return Asked(method, target, query, body, headers, self.world.ids.new("req", 14))

    def begin(self, asked: Asked) -> Begun | Answer:
        """Find the endpoint, check the parameters, and look whether this was answered before."""
        try:
            authenticate(asked.headers.get("authorization", ""))
            check_version(asked.headers.get("stripe-version", API_VERSION))
            declared, path = found(asked)
            params = check(asked.tree(), _with_everywhere(declared))
            declared.refuse_absent(params)
            self.world.base_url = f"http://{asked.headers.get('host', '127.0.0.1')}"
            headers = dict(asked.headers)
            call = Call(self.world, params, path, asked.target, headers, self.world.base_url)
            kept = asked.key and self.idempotency.begin(asked.key, asked.fingerprint())
        except Refusal as refusal:
            return asked.refused(refusal)
        except RecursionError:
            return asked.refused(Refusal("Invalid request: nested too deep."))
        if not kept:
            return Begun(asked, declared, call)
        replayed = {"Idempotent-Replayed": "true", "Original-Request": kept["request_id"]}
        return Answer(kept["status"], kept["body"].encode(), asked.echoed() | replayed)

    def finish(self, begun: Begun, lie: Refusal | None = None) -> Answer:
        """Execute a request. With a `lie` it is what is said and kept, whatever was done."""
        asked = begun.asked
        try:
            status, body, headers = self._act(begun, lie)
        finally:
            if asked.key:
                self.idempotency.end(asked.key)
        if asked.key:
            headers = {"Original-Request": asked.id} | headers
        return Answer(status, body, asked.echoed() | headers)

    def _act(self, begun: Begun, lie: Refusal | None) -> tuple[int, bytes, dict[str, str]]:
        """Act in one transaction. A refusal is an answer too: it is what the key will repeat."""
        asked, kept = begun.asked, lie
        origin = {"id": asked.id, "idempotency_key": asked.headers.get("idempotency-key")}
        try:
            with self.world.transaction(origin):
                try:
                    answer = begun.declared.act(begun.call)
                    refuse_changes(self.world)
                    shown = expand(self.world, self._shown(answer), begun.call.sent("expand", []))
                    body = encode(shown)
                except Refusal as refusal:
                    if not refusal.keeps:
                        raise
                    kept = lie or refusal
                if kept is None:
                    self._remember(asked, 200, body)
                    return 200, body, {}
                self._remember(asked, kept.status, asked.said(kept))
                return kept.status, asked.said(kept), kept.headers
        except Refusal as refusal:
            kept = refusal
        except Exception:
            log.exception("%s %s failed", asked.method, asked.target)
            said = "The sandbox made a mistake; its log says where."
            kept = Refusal(said, status=500, type="api_error")
        if asked.key:
            with self.world.transaction():
                self._remember(asked, kept.status, asked.said(kept))
        return kept.status, asked.said(kept), kept.headers

    def _shown(self, answer: dict[str, Any]) -> dict[str, Any]:
        """What an endpoint gave, without what is the sandbox's own."""
        ready = answer.get("object") == "list" or answer.get("deleted") is True
        return answer if ready else self.world.view(answer)

    def _remember(self, asked: Asked, status: int, body: bytes) -> None:
        """Keep the answer for its key, unless Stripe would execute such a request again."""
        again = status in NOT_KEPT or (status >= 400 and asked.version_2)
        if asked.key and not again:
            self.idempotency.keep(asked.key, asked.id, status, body)


def found(asked: Asked) -> tuple[Endpoint, dict[str, str]]:
    """The endpoint of a request. Raises: Refusal, 501 where Stripe has one and else 404."""
    endpoint = find_endpoint(asked.method, asked.target)
    if endpoint is not None:
        return endpoint
    if stripe_has(asked.method, asked.target):
        raise absent(f"the endpoint {asked.method} {asked.target}")
    raise Refusal(
        f"Unrecognized request URL ({asked.method}: {asked.target[:200]}). Please see "
        "https://stripe.com/docs or we can help at https://support.stripe.com/.",
        status=404,
    )


def _with_everywhere(declared: Endpoint) -> Fields:
    version_2 = declared.path.startswith("/v2/")
    more = {} if version_2 else EXPAND
    if declared.method == "GET":
        more = PAGING_OF_VERSION_2 if version_2 else EXPAND | PAGING
    return Fields(more | declared.shape.shapes, declared.shape.required)


def application(sandbox: Sandbox) -> Starlette:
    """The ASGI application."""
    pulse = Pulse(sandbox.world, allow_remote=sandbox.allow_remote)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with pulse.running():
            yield

    async def api(request: Request) -> Response:
        began, body = time.monotonic(), await _body(request)
        # Not request.url, which believes the Host header.
        path, query = request.scope["path"], request.scope["query_string"].decode("latin-1")
        asked = sandbox.asked(request.method, path, query, body or b"", request.headers)
        pulse.catch_up()
        fault = pulse.faults.take(asked.method, asked.target)
        answer = asked.refused(Refusal("Request too large.", status=413))
        if body is not None:
            answer = await _answer(sandbox, asked, fault)
        pulse.lately.keep(_kept(sandbox, asked, answer, began))
        pulse.stir()
        if fault and fault.kind in {"drop", "drop_after"}:
            request.scope["extensions"][ABORT]()
            await asyncio.sleep(0.01)  # until the server knows that nobody listens
        return Response(answer.body, answer.status, dict(answer.headers), "application/json")

    everything_else = Route("/{version:path}", api, methods=METHODS)
    own = [*pages(sandbox.world, pulse), *routes(pulse)]
    return Starlette(routes=[*own, everything_else], lifespan=lifespan)


METHODS = ["GET", "POST", "DELETE", "PUT", "PATCH", "OPTIONS"]


async def _answer(sandbox: Sandbox, asked: Asked, fault: Fault | None) -> Answer:
    """Answer a request, with what is to go wrong."""
    refusal = fault.refusal() if fault else None
    if refusal:
        return asked.refused(refusal)
    if fault and fault.kind == "drop":
        return asked.refused(broken())
    begun = sandbox.begin(asked)
    if fault and fault.kind == "slow":
        await asyncio.sleep(fault.seconds)
    if isinstance(begun, Answer):
        return begun
    return sandbox.finish(begun, broken() if fault and fault.kind == "error_after" else None)


async def _body(request: Request) -> bytes | None:
    """The body; None when it is too large."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size <= MAX_BODY:
            parts.append(part)
    return b"".join(parts) if size <= MAX_BODY else None


def _kept(sandbox: Sandbox, asked: Asked, answer: Answer, began: float) -> dict[str, Any]:
    """What is remembered of a request, to be read at the address that its error names."""
    return {
        "id": asked.id,
        "at": sandbox.world.clock.now(),
        "method": asked.method,
        "path": asked.target,
        "query": asked.query,
        "sent": asked.body,
        "idempotency_key": asked.headers.get("idempotency-key"),
        "status": answer.status,
        "answer": answer.body,
        "ms": round((time.monotonic() - began) * 1000, 1),
    }
