"""A client that hands an application whole requests.

Starlette's own streams, by way of eight changes of thread for each request, which takes longer
than most answers. This one changes once.
"""

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import httpx2
from anyio.from_thread import BlockingPortal, start_blocking_portal
from fastapi import FastAPI

Message = MutableMapping[str, Any]


class _Direct(httpx2.BaseTransport):
    def __init__(self, app: FastAPI, portal: BlockingPortal) -> None:
        self._app = app
        self._portal = portal

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        pieces = [bytes(one) for one in request.stream]  # type: ignore[union-attr]  # a sync client's
        return self._portal.call(lambda: self._answer(request, pieces))

    async def _answer(self, request: httpx2.Request, pieces: list[bytes]) -> httpx2.Response:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": request.method,
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
            "scheme": request.url.scheme,
            "path": request.url.path,
            "raw_path": request.url.raw_path.partition(b"?")[0],
            "query_string": request.url.query,
            "root_path": "",
            "server": (request.url.host, request.url.port or 80),
            "client": ("testclient", 50000),
            "state": {},
        }
        said: list[Message] = []

        async def receive() -> Message:
            body = pieces.pop(0) if pieces else b""
            return {"type": "http.request", "body": body, "more_body": bool(pieces)}

        async def send(message: Message) -> None:
            said.append(message)

        try:
            await self._app(scope, receive, send)
        except Exception:
            if not said:  # a mistake that was answered is raised as well, for the server's log
                raise
        begun = next(one for one in said if one["type"] == "http.response.start")
        parts = [one.get("body", b"") for one in said if one["type"] == "http.response.body"]
        return httpx2.Response(begun["status"], headers=begun["headers"], content=b"".join(parts))


@contextmanager
def direct_client(app: FastAPI) -> Iterator[httpx2.Client]:
    """A client of an application that lives as long as the block. A 5xx is an answer."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(app.router.lifespan_context(app)),
        httpx2.Client(
            transport=_Direct(app, portal), base_url="http://testserver", follow_redirects=True
        ) as client,
    ):
        yield client
