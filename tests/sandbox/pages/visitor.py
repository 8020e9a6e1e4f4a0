"""A visitor without a browser: fetches pages, posts forms, follows nothing."""

import re
from dataclasses import dataclass, field
from html import unescape
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin
from urllib.request import HTTPRedirectHandler, Request, build_opener


class NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


@dataclass(frozen=True)
class Seen:
    """An answer: `leads` is where it redirects to."""

    status: int
    html: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def leads(self) -> str:
        return self.headers.get("location", "")

    @property
    def text(self) -> str:
        """What a person reads."""
        body = self.html.partition("<body>")[2]
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def visit(address: str, form: dict[str, str] | None = None, **headers: str) -> Seen:
    """GET an address, or POST a form to it."""
    sent = None if form is None else urlencode(form).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    opener = build_opener(NoRedirect)
    try:
        answer = opener.open(Request(address, sent, named), timeout=20)  # noqa: S310  # our own http
    except HTTPError as refused:
        answer = refused
    with answer:
        body = answer.read()
        kept = {name.lower(): value for name, value in answer.headers.items()}
        return Seen(answer.status, body.decode("utf-8", "replace"), kept, body)


def follow(address: str, seen: Seen) -> Seen:
    """Go where an answer leads."""
    assert seen.leads, seen.text
    return visit(urljoin(address, seen.leads))
