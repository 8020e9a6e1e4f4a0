"""Which operations are there, and which ids does each take? Read out of the API's own schema."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple
from urllib.parse import quote

from tests.isolation.declared import (
    COMPANIONS,
    IDS,
    LOOKS_FOR,
    NEEDS,
    NOT_IDS,
    OPEN_BODIES,
    PLACES,
    UNGUARDED,
    WHO_ASKS,
    WORDS,
)

Place = Literal["path", "query", "body", "header"]
WHERE = "tests/isolation/declared.py"


class Parameter(NamedTuple):
    """An id that an operation takes. `kind` is the thing that it names."""

    place: Place
    name: str
    kind: str
    required: bool


class Request(NamedTuple):
    """What is sent; `ids` are those in it, by the names of their parameters."""

    method: str
    path: str
    body: Any
    headers: Mapping[str, str]
    ids: Mapping[str, str]

    @property
    def text(self) -> str:
        """All that the sender says."""
        return f"{self.path} {json.dumps(self.body)}"


@dataclass(frozen=True)
class Operation:
    """One operation of the API, with the ids that it takes."""

    method: str
    path: str
    name: str
    scope: str
    right: str
    about: tuple[str, ...]
    platform: bool
    ids: tuple[Parameter, ...]
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    places: tuple[str, ...] = ()
    open_bodies: tuple[tuple[str, Any], ...] = ()

    @property
    def title(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def guarded(self) -> bool:
        return self.title not in UNGUARDED

    def asked(self, things: Mapping[str, str], given: Mapping[Parameter, str]) -> Request:
        """The request with these ids in some parameters, and `things` where others are needed."""
        values = {one: things[one.kind] for one in self.ids if one.required} | dict(given)
        query, path = dict(self.query), self.path
        body = None if self.body is None else dict(self.body)
        for one, value in values.items():
            extra = COMPANIONS.get((self.name, one.name), {})
            if one.place == "path":
                path = path.replace(f"{{{one.name}}}", quote(value, safe=""))
            elif one.place == "query":
                query |= {one.name: value, **extra}
            else:
                body = {**(body or {}), one.name: value, **extra}
        asked = "&".join(f"{name}={quote(value)}" for name, value in query.items())
        named = {one.name: value for one, value in values.items()}
        target = f"{path}?{asked}" if asked else path
        return Request(self.method, target, body, self.headers, named)

    def bodies(self, things: Mapping[str, str]) -> Iterator[tuple[str, Request]]:
        """The requests of an operation whose body's schema says nothing; of each, the kind."""
        for kind, template in self.open_bodies:
            body = json.loads(json.dumps(template).replace('"{}"', json.dumps(things[kind])))
            yield kind, Request(self.method, self.path, body, self.headers, {kind: things[kind]})


class Contract(NamedTuple):
    """The operations, and a sentence for whatever the matrix cannot know by itself."""

    operations: tuple[Operation, ...]
    problems: tuple[str, ...]


def read_contract(document: Mapping[str, Any]) -> Contract:
    """The operations of an OpenAPI document."""
    found, problems = [], []
    for path, described in document["paths"].items():
        for method, operation in described.items():
            reader = _Reader(document, f"{method.upper()} {path}", operation)
            found.append(reader.read(method.upper(), path))
            problems += reader.problems
    return Contract(tuple(found), tuple(problems))


class _Reader:
    def __init__(
        self, document: Mapping[str, Any], title: str, operation: Mapping[str, Any]
    ) -> None:
        self._document, self._title, self._operation = document, title, operation
        self._name = operation.get("operationId", title)
        self._ids: list[Parameter] = []
        self._places: list[str] = []
        self.problems: list[str] = []

    def read(self, method: str, path: str) -> Operation:
        scope = self._operation.get("x-scope")
        if scope is None and self._title not in UNGUARDED:
            self.problems.append(
                f"{self._title} says no scope: give its route `openapi_extra=READS`, WRITES, "
                "CREATES or INGESTS (interfaces/api/routes.py)."
            )
        query: dict[str, str] = {}
        headers: dict[str, str] = {}
        for one in self._operation.get("parameters", ()):
            place, name, required = one["in"], one["name"], bool(one.get("required"))
            if name in WHO_ASKS:
                continue
            into = headers if place == "header" else query
            self._take(place, name, one["schema"], into, required=required or place == "path")
            if place == "header" and name in WORDS:
                headers[name] = WORDS[name]
        return Operation(
            method,
            path,
            self._name,
            scope or "write",
            self._operation.get("x-right", "manage"),
            tuple(self._operation.get("x-about", ())),
            bool(self._operation.get("x-platform")),
            body=self._body(),
            ids=tuple(self._ids),
            query=query,
            headers=headers,
            places=tuple(self._places),
            open_bodies=OPEN_BODIES.get(self._name, ()),
        )

    def _body(self) -> dict[str, Any] | None:
        content = self._operation.get("requestBody", {}).get("content", {})
        if not content or self._title in UNGUARDED:
            return None
        schema = self._plain(next(iter(content.values()))["schema"])
        if "properties" not in schema:
            if self._name not in OPEN_BODIES:
                self.problems.append(
                    f"{self._title} takes a body of which its schema says nothing: say in "
                    f"OPEN_BODIES ({WHERE}) what ids it may have."
                )
            return None
        body: dict[str, Any] = {}
        for name, one in schema["properties"].items():
            required = name in schema.get("required", ())
            self._take("body", name, one, body, required=required)
        if self._name in OPEN_BODIES:
            return None
        return {**body, **NEEDS.get(self._name, {})}

    def _take(
        self, place: Place, name: str, schema: Mapping[str, Any], into: Any, *, required: bool
    ) -> None:
        """Tell what a parameter is; a word that is required goes into the request."""
        plain = self._plain(schema)
        if "properties" in plain:
            self._nested(name, plain)
            return
        if plain.get("type") == "array":
            self._take(place, name, plain["items"], {}, required=False)
            return
        if not _is_free_text(plain):
            if required:
                into[name] = _sample(plain)
            return
        kind = LOOKS_FOR.get((self._name, name)) or IDS.get(name)
        if (place, name) == ("body", "external_id") or (self._name, name) in NOT_IDS:
            kind = None
        if kind is not None:
            self._ids.append(Parameter(place, name, kind, required))
        elif name in PLACES:
            self._places.append(name)
        elif name not in WORDS or place == "path":
            self.problems.append(
                f"{self._title} takes {name!r} ({place}): say in {WHERE} whether it is an id, and "
                "of what (IDS), or a word, and which may be sent (WORDS)."
            )
        elif required:
            into[name] = WORDS[name]

    def _nested(self, name: str, schema: Mapping[str, Any]) -> None:
        for inner, one in schema["properties"].items():
            declared = inner in WORDS and inner not in {"external_id", *IDS}
            declared |= f'"{inner}"' in json.dumps(OPEN_BODIES.get(self._name, ()))
            if _is_free_text(self._plain(one)) and not declared:
                self.problems.append(
                    f"{self._title} takes {name}.{inner} (body): an id that lies this deep needs "
                    f"a body of its own in OPEN_BODIES, a word a place in WORDS ({WHERE})."
                )

    def _plain(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """A schema without its references, and without its null."""
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            return self._plain(self._document["components"]["schemas"][name])
        for one in schema.get("anyOf", ()):
            if one.get("type") != "null":
                return self._plain(one)
        return schema


def _is_free_text(schema: Mapping[str, Any]) -> bool:
    said = ("enum", "const", "format")
    return schema.get("type") == "string" and not any(name in schema for name in said)


def _sample(schema: Mapping[str, Any]) -> Any:
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("format") == "date-time":
        return "2026-02-01T00:00:00Z"
    return {"integer": 1, "number": 1, "boolean": False, "object": {}}[schema["type"]]
