"""A page's request and answer: its form, its guard, its template.

Every answer has a content security policy that allows no script and nothing from elsewhere. A
browser may post only from the sandbox's own pages.
"""

import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

import jinja2
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from tallygate_sandbox.pages import written
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import World

HERE = Path(__file__).parent
MAX_FORM = 64_000
ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:\d{1,5})?\Z")
OWN_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*\Z")


class Motion(Protocol):
    """What moves the world's time."""

    def catch_up(self) -> None: ...

    def stir(self) -> None: ...

    def admit(self, request: Request) -> None: ...

    async def move(self, until: int, *, one_step: bool = False) -> None: ...


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of a page: `path` holds the names in its address, `form` what was posted."""

    world: World
    motion: Motion
    path: dict[str, str]
    query: dict[str, str]
    form: dict[str, str] = field(default_factory=dict)
    base_url: str = ""
    body: bytes = b""

    def sent(self, name: str) -> str | None:
        """What was filled in, without blanks around it; None when that is nothing."""
        return self.form.get(name, "").strip() or None


log = logging.getLogger("tallygate_sandbox")

Act = Callable[[Visit], Awaitable[Response]]

_PAGES: list[tuple[str, str, Act, bool]] = []


def page(address: str, *, steers: bool = False) -> Callable[[Act], Act]:
    """Declare a page: `@page("GET /c/pay/{session}")`.

    One that `steers` shows all there is, or moves it: it is for who may steer the sandbox.
    """
    method, path = address.split(" ")

    def declare(act: Act) -> Act:
        _PAGES.append((method, path, act, steers))
        return act

    return declare


def routes(world: World, motion: Motion) -> list[Route]:
    """The routes of all pages, for the application."""
    pages = [
        Route(path, _route(world, motion, act, steers=steers), methods=[method])
        for method, path, act, steers in _PAGES
    ]
    return [*pages, Route("/_pages/style.css", _style)]


def _route(
    world: World, motion: Motion, act: Act, *, steers: bool
) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            if steers:
                motion.admit(request)
            visit = await _visit(world, motion, request)
            motion.catch_up()
            response = await act(visit)
        except Refusal as refusal:
            response = said(refusal.message, refusal.status)
        except Exception:
            log.exception("%s %s failed", request.method, request.url.path)
            response = said("The sandbox made a mistake; its log says where.", 500)
        motion.stir()
        return response

    return answer


async def _visit(world: World, motion: Motion, request: Request) -> Visit:
    base_url = f"http://{request.headers.get('host', '127.0.0.1')}"
    form, body = {}, b""
    if request.method == "POST":
        refuse_foreign(
            request.headers.get("origin"), request.headers.get("sec-fetch-site"), base_url
        )
        body = await request.body()
        if len(body) > MAX_FORM:
            raise Refusal("The form is too large.", status=413)
        try:
            form = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=200))
        except ValueError:
            raise Refusal("The form cannot be read.") from None
    return Visit(
        world, motion, dict(request.path_params), dict(request.query_params), form, base_url, body
    )


def refuse_foreign(origin: str | None, site: str | None, base_url: str) -> None:
    """Refuse what a page of somebody else has a browser post here.

    A browser says where a post comes from; a program that is none says nothing, and may post.

    Raises:
        Refusal: 403.
    """
    elsewhere = site is not None and site not in {"same-origin", "none"}
    if elsewhere or (origin is not None and origin != base_url):
        raise Refusal("This form was sent from another site.", status=403)


def show(
    template: str, *, status: int = 200, goes_to: str | None = None, **shown: Any
) -> Response:
    """A page from its template; `goes_to` is where its form may lead outside the sandbox."""
    text = TEMPLATES.get_template(template).render(**shown)
    return Response(text, status, guarded(goes_to), "text/html; charset=utf-8")


def said(message: str, status: int = 400, title: str = "That did not work") -> Response:
    """A page that says one thing."""
    return show("said.html", status=status, title=title, message=message)


def see(address: str) -> Response:
    """Send the browser on, with GET."""
    return RedirectResponse(address, 303, {"Cache-Control": "no-store"})


def guarded(goes_to: str | None = None) -> dict[str, str]:
    """The headers that keep a page to itself."""
    targets = " ".join(part for part in ("'self'", source_of(goes_to)) if part)
    return {
        "Content-Security-Policy": (
            "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; "
            f"frame-ancestors 'none'; form-action {targets}"
        ),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cache-Control": "no-store",
    }


def source_of(address: str | None) -> str:
    """An address as a policy names where it leads: its origin, or an app's own scheme."""
    try:
        parts = urlsplit(address or "")
    except ValueError:
        return ""
    if parts.scheme in {"http", "https"}:
        origin = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}".lower()
        return origin if ORIGIN.match(origin) else ""
    return f"{parts.scheme}:" if OWN_SCHEME.match(parts.scheme) else ""


async def _style(_request: Request) -> Response:
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache"}
    return Response(STYLE, 200, headers, "text/css; charset=utf-8")


STYLE = (HERE / "static" / "style.css").read_text("utf-8")
TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(HERE / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.filters |= {
    "money": written.money,
    "day": written.day,
    "moment": written.moment,
    "rhythm": written.rhythm,
    "words": written.words,
    "card": written.card,
}
