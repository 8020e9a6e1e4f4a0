"""How do the nouns become one application?

`create_app(installation)` gives an ASGI application. Around the routes lies one layer that gives
each request an id and bounds its body; every error of every kind leaves as problem+json.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from contextlib import asynccontextmanager
from copy import deepcopy
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI, HTTPException
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, APIRouter
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.routing import compile_path

from tallygate.collection.provider import Books
from tallygate.core.errors import TallygateError
from tallygate.interfaces.api import (
    audit_log,
    billing,
    billing_account_row,
    billing_accounts,
    billing_usage,
    breakdowns,
    catalog,
    events,
    health,
    health_details,
    invoices,
    keys,
    members,
    notices,
    organizations,
    persons,
    problems,
    projects,
    purchases,
    quotes,
    resource_types,
    resources,
    setups,
    subscriptions,
    usage,
    usage_reports,
)
from tallygate.interfaces.api.callers import Door
from tallygate.interfaces.api.ingest_route import PATH as EVENTS_PATH
from tallygate.interfaces.api.ingest_route import EventsEndpoint, ingest_route
from tallygate.interfaces.api.reference import reference
from tallygate.interfaces.api.webhooks import (
    MAX_BODY_BYTES,
    OTHER_PATHS,
    RECEIVING,
    Receiver,
    WebhooksEndpoint,
    webhook_routes,
)
from tallygate.interfaces.api.webhooks import PATH as WEBHOOKS_PATH
from tallygate.workflows.health import Probe
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirror.receive import Verifier

MAX_JSON_BYTES = 256 * 1024
"""The largest body of every route but those of events, which counts itself, catalogs, webhooks."""

_HEADERS = ((b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store"))

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_DESCRIPTION = """
Usage comes in as CloudEvents; invoices come out, and every line explains itself.

Amounts are integers in the currency's minor unit; quantities and rates are decimal strings; times
are RFC 3339 in UTC. Errors are `application/problem+json`. Lists come in pages: pass
`next_cursor` as `cursor`. A POST that creates takes an `Idempotency-Key`.
"""

MAX_CATALOG_BYTES = 1024 * 1024

NOUNS = (
    organizations,
    projects,
    members,
    billing_accounts,
    resource_types,
    resources,
    setups,
    events,
    usage,
    usage_reports,
    billing_usage,
    purchases,
    subscriptions,
    invoices,
    breakdowns,
    notices,
    billing,
    billing_account_row,
    quotes,
    catalog,
    keys,
    audit_log,
    health,
    health_details,
)
"""Every file with a router, in the order of the documentation."""

_SILENT: Any = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}
"""No telemetry leaves by way of the framework, whatever the environment says."""


class Front:
    """Gives each request an id, tells it in the answer, and stops a body that is too large."""

    def __init__(
        self, app: Any, new_id: Callable[[str], str], limits: Mapping[str, int | None]
    ) -> None:
        self.app = app
        self._new_id = new_id
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = self._new_id("req")
        scope["tallygate.request_id"] = request_id
        extra = [(b"x-request-id", request_id.encode()), *_HEADERS]

        async def named(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *extra]}
            await send(message)

        limit = self._limits.get(scope["path"], MAX_JSON_BYTES)
        if limit is None:
            await self.app(scope, receive, named)
            return
        if _announced(scope) > limit:
            answer = await problems.refused_by_http(Request(scope), _too_large(limit))
            await answer(scope, receive, named)
            return
        await self.app(scope, _counted(receive, limit), named)


def _announced(scope: Scope) -> int:
    """The length that the request says its body has."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value[:20])
    return 0


def _too_large(limit: int) -> HTTPException:
    return HTTPException(413, f"The body has more than {limit} bytes: send less at once.")


def _counted(receive: Receive, limit: int) -> Receive:
    """The same messages, until their bodies together exceed the limit."""
    seen = 0

    async def counted() -> MutableMapping[str, Any]:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise _too_large(limit)
        return message

    return counted


def create_app(
    installation: Installation,
    *,
    operator: str | None = None,
    verifier: Verifier | None = None,
    probe: Probe | None = None,
    books: Books | None = None,
) -> FastAPI:
    """The application over one installation.

    `operator` is a token that lets its holder do everything; it lives in this process alone.
    `verifier` knows the payment provider's signatures; without one its webhooks are refused.
    `probe` asks it whether it knows us.
    `books` are the provider's: without them, what needs one is refused with a sentence.
    """
    app = FastAPI(
        title="Tallygate",
        version=version("tallygate"),
        summary="Usage billing for infrastructure.",
        description=_DESCRIPTION,
        telemetry=_SILENT,
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        separate_input_output_schemas=False,
        generate_unique_id_function=_operation,
        lifespan=_lifespan,
        exception_handlers={
            ClientDisconnect: problems.gone,
            TallygateError: problems.explained,
            RequestValidationError: problems.malformed,
            StarletteHTTPException: problems.refused_by_http,
            Exception: problems.unexpected,
        },
    )
    limits: dict[str, int | None] = {EVENTS_PATH: None, "/v1/catalog": MAX_CATALOG_BYTES}
    limits |= dict.fromkeys((WEBHOOKS_PATH, *OTHER_PATHS), MAX_BODY_BYTES)
    app.state.door = Door(installation, operator)
    app.state.probe = probe
    app.state.paths = _paths()
    app.state.books = books
    endpoint = EventsEndpoint(app.state.door)
    app.state.events = endpoint
    app.state.webhooks = WebhooksEndpoint(Receiver(installation, verifier))
    app.router.routes.append(ingest_route(endpoint))
    app.router.routes.extend(webhook_routes(app.state.webhooks))
    app.add_route("/docs", reference, include_in_schema=False)
    app.router.routes.extend(_OPERATIONS.routes)
    app.openapi = lambda: _described(app)  # type: ignore[method-assign]  # FastAPI's own way
    app.add_middleware(Front, new_id=installation.ids.new, limits=limits)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Answers every event that was taken in before the server ends."""
    yield
    await app.state.events.close()


def _paths() -> problems.Paths:
    """Every path that is served, as a pattern, with its methods."""
    beside = (EVENTS_PATH, WEBHOOKS_PATH, *OTHER_PATHS)
    found = [(compile_path(path)[0], frozenset(("POST",))) for path in beside]
    for noun in NOUNS:
        for route in noun.router.routes:
            assert isinstance(route, APIRoute), "a noun has operations and nothing else"
            found.append((compile_path(route.path)[0], frozenset(route.methods or ())))
    return tuple(found)


def _operation(route: APIRoute) -> str:
    """The operation's name: the handler's."""
    return route.name


def _operations() -> APIRouter:
    """The routes of every noun."""
    router = APIRouter(generate_unique_id_function=_operation)
    for noun in NOUNS:
        router.include_router(noun.router)
    return router


_OPERATIONS = _operations()
"""One for all applications of a process: FastAPI reads every operation's signature when the first
request comes to it, and a route knows no installation."""


def _described(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, with the shape of every error."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            summary=app.summary,
            description=app.description,
            routes=app.routes,
        )
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        described = problems.Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(described.pop("$defs"))
        schemas["Problem"] = described
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        document["paths"]["/v1/events"]["post"] = deepcopy(events.SENDING)
        document["paths"][WEBHOOKS_PATH] = {"post": deepcopy(RECEIVING)}
        for operations in document["paths"].values():
            for operation in operations.values():
                operation["responses"].pop("422", None)
                if "x-right" in operation:
                    operation.setdefault("parameters", []).extend(deepcopy(persons.HEADERS))
        app.openapi_schema = document
    return app.openapi_schema
