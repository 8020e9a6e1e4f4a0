"""How does a person read what the API can do, without any other site?

`GET /docs` is the OpenAPI document as one page of HTML: every operation with its parameters and
the fields of its body. It loads nothing, from here or from anywhere else.
"""

import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse

_STYLE = """
:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{max-width:60rem;margin:2rem auto;padding:0 1rem}
section{border-top:1px solid #8886;padding:.5rem 0}
code{font:.9em ui-monospace,monospace}
td,th{text-align:left;vertical-align:top;padding:.1rem 1rem .1rem 0}
nav a{margin-right:1rem}
"""

_HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}

Document = Mapping[str, Any]


async def reference(request: Request) -> HTMLResponse:
    """The page."""
    return HTMLResponse(page(request.app.openapi()), headers=_HEADERS)


def page(document: Document) -> str:
    """An OpenAPI document as HTML."""
    nouns: dict[str, list[str]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            told = "".join(_operation(document, method, path, operation))
            nouns.setdefault(operation.get("tags", ["other"])[0], []).append(told)
    links = "".join(f'<a href="#{escape(noun)}">{escape(noun)}</a>' for noun in nouns)
    title = escape(document["info"]["title"])
    about = "".join(
        f"<p>{_prose(part)}</p>" for part in document["info"]["description"].split("\n\n")
    )
    sections = "".join(
        f'<h2 id="{escape(noun)}">{escape(noun)}</h2>{"".join(told)}'
        for noun, told in nouns.items()
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1>{about}"
        f'<p>For programs: <a href="/openapi.json">openapi.json</a></p><nav>{links}</nav>'
        f"{sections}</body></html>"
    )


def _operation(document: Document, method: str, path: str, operation: Document) -> Iterator[str]:
    yield f"<section><h3><code>{method.upper()} {escape(path)}</code></h3>"
    yield f"<p><strong>{_prose(operation.get('summary', ''))}.</strong> "
    yield f"{_prose(operation.get('description', ''))}</p>"
    rows = [
        (one["name"], f"in {one['in']}", one.get("description", ""), one.get("required", False))
        for one in operation.get("parameters", ())
    ]
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        shape = _resolved(document, content.get("schema", {}))
        required = shape.get("required", ())
        yield f"<p>Body: <code>{escape(media)}</code> {_prose(shape.get('description', ''))}</p>"
        rows += [
            (name, _kind(document, field), field.get("description", ""), name in required)
            for name, field in shape.get("properties", {}).items()
        ]
    if rows:
        yield "<table>"
        for name, kind, about, required in rows:
            asked = "required" if required else ""
            yield f"<tr><td><code>{escape(name)}</code></td><td>{escape(kind)}</td>"
            yield f"<td>{asked}</td><td>{_prose(about)}</td></tr>"
        yield "</table>"
    yield "</section>"


def _prose(text: str) -> str:
    """A sentence of the document, with its `code` as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _resolved(document: Document, schema: Document) -> Document:
    """The schema, or the one that it refers to."""
    name = schema.get("$ref", "").rpartition("/")[2]
    return document["components"]["schemas"][name] if name else schema


def _kind(document: Document, field: Document) -> str:
    """What a field holds, in a few words."""
    if choices := field.get("anyOf"):
        kinds = (_kind(document, choice) for choice in choices)
        return " or ".join(kind for kind in kinds if kind != "null")
    found = _resolved(document, field)
    if values := found.get("enum"):
        return ", ".join(str(value) for value in values)
    kind = str(found.get("format") or found.get("type") or "anything")
    return f"list of {_kind(document, found.get('items', {}))}" if kind == "array" else kind
