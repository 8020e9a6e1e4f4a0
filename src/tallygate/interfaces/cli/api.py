"""How does one send a request without a client?

`tallygate api GET /v1/organizations` runs the request within this process, against the
installation that the settings name, as its operator. With `--url` it goes to a server, with the
key in TALLYGATE_KEY.
"""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallygate.interfaces.cli import screen

if TYPE_CHECKING:
    pass

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
TIMEOUT_SECONDS = 60


def api(
    method: Annotated[str, typer.Argument(help="GET, POST, PUT or DELETE.", show_default=False)],
    path: Annotated[
        str, typer.Argument(help="For instance /v1/organizations.", show_default=False)
    ],
    body: Annotated[
        str | None, typer.Argument(help="JSON; - reads it from the standard input.")
    ] = None,
    url: Annotated[
        str | None, typer.Option(help="A server, as http://127.0.0.1:8321; needs TALLYGATE_KEY.")
    ] = None,
    key: Annotated[
        str | None, typer.Option(envvar="TALLYGATE_KEY", help="An API key.", show_envvar=True)
    ] = None,
    idempotency_key: Annotated[
        str | None, typer.Option(help="Makes a repeated POST harmless.")
    ] = None,
) -> None:
    """Send a request to the API and print the answer; exit code 1 where it is an error."""
    verb = method.upper()
    if verb not in METHODS:
        raise typer.BadParameter(f"{method} is no method: use one of {', '.join(METHODS)}.")
    if not path.startswith("/"):
        raise typer.BadParameter(f"A path begins with a slash: /{path}.")
    content, headers = _content(body)
    if idempotency_key is not None:
        headers["Idempotency-Key"] = idempotency_key
    if url is None:
        status, text = _within(verb, path, content, headers)
    else:
        if key is None:
            screen.fail("A server asks for a key: set TALLYGATE_KEY, or pass --key.")
        status, text = _remote(url, verb, path, content, headers, key)
    screen.out(_pretty(text))
    if status >= 400:
        screen.note(f"{verb} {path}: {status}")
        raise typer.Exit(screen.FAILED)


def _content(body: str | None) -> tuple[bytes | None, dict[str, str]]:
    """The body as bytes, and the header that says what it is; the server judges the JSON."""
    if body is None:
        return None, {}
    if body == "-":
        import sys

        body = sys.stdin.read()
    return body.encode(), {"Content-Type": "application/json"}


def _pretty(text: str) -> str:
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text.rstrip("\n")


def _within(
    method: str, path: str, content: bytes | None, headers: dict[str, str]
) -> tuple[int, str]:
    """Run the request in this process."""
    import asyncio
    import secrets

    import httpx2

    from tallygate.app import open_books, open_installation, open_probe
    from tallygate.config import load_config
    from tallygate.interfaces.api import create_app

    config = load_config()
    books = open_books(config) if config.stripe_key is not None else None
    token = f"tg_operator_{secrets.token_hex(32)}"
    headers["Authorization"] = f"Bearer {token}"

    async def ask(app: Any) -> tuple[int, str]:
        transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://tallygate.local"
        ) as client:
            answer = await client.request(method, path, content=content, headers=headers)
            return answer.status_code, answer.text

    with open_installation(config, create=True) as installation:
        app = create_app(installation, operator=token, probe=open_probe(config), books=books)
        return asyncio.run(ask(app))


def _remote(
    url: str, method: str, path: str, content: bytes | None, headers: dict[str, str], key: str
) -> tuple[int, str]:
    """Send the request to a server."""
    import httpx2

    from tallygate.core.errors import Unreachable

    headers["Authorization"] = f"Bearer {key}"
    try:
        answer: httpx2.Response = httpx2.request(
            method,
            url.rstrip("/") + path,
            content=content,
            headers=headers,
            timeout=TIMEOUT_SECONDS,
        )
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise Unreachable(f"{url} did not answer: {error}.") from None
    return answer.status_code, answer.text
