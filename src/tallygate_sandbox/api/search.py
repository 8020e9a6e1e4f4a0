"""Search: `email:'x' AND metadata['k']:'v'`, the language of every `/search` endpoint.

Source: https://docs.stripe.com/search. Clauses are joined by AND or by OR, not by both; `-` denies
one; `:` is equality, `~` a part of at least three letters, and numbers compare with <, <=, >, >=.
What was written is found at once: Stripe's index lags, the sandbox's does not.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from tallygate_sandbox.api.call import Call
from tallygate_sandbox.api.pages import DEFAULT_LIMIT, MAX_LIMIT
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Obj, Seen
from tallygate_sandbox.world.objects import reach

TEXT = frozenset({":", "~"})
TOKEN = frozenset({":"})
NUMBER = frozenset({":", "<", "<=", ">", ">="})

MAX_CLAUSES = 10
LEAST_PART = 3

_CLAUSE = re.compile(
    r"""\s*(?P<denied>-)?\s*
    (?P<field>[a-z_][\w.]*)(?:\[\s*(?P<q>["'])(?P<key>(?:\\.|(?!(?P=q)).)*)(?P=q)\s*\])?
    \s*(?P<how><=|>=|<|>|:|~)\s*
    (?:(?P<quote>["'])(?P<text>(?:\\.|(?!(?P=quote)).)*)(?P=quote)|(?P<word>[^\s"']+))\s*""",
    re.VERBOSE | re.DOTALL,
)
_JOINT = re.compile(r"(AND|OR)\b|(?=\S)", re.IGNORECASE)


class Clause(NamedTuple):
    """One condition; `key` is a name in metadata."""

    field: str
    key: str | None
    how: str
    value: str | None
    denied: bool

    def holds(self, obj: Seen, path: str) -> bool:
        found = reach(obj, path)
        if self.key is not None:
            found = (found or {}).get(self.key)
        return self._matches(found) is not self.denied

    def _matches(self, found: Any) -> bool:
        if found is None or self.value is None:
            return found is None and self.value is None
        if isinstance(found, bool):
            return str(found).lower() == self.value.lower()
        if isinstance(found, int):
            wanted = int(self.value)
            return {
                ":": found == wanted,
                "<": found < wanted,
                "<=": found <= wanted,
                ">": found > wanted,
                ">=": found >= wanted,
            }[self.how]
        here, wanted_text = str(found).lower(), self.value.lower()
        return wanted_text in here if self.how == "~" else here == wanted_text


def search(
    call: Call,
    kind: str,
    fields: Mapping[str, frozenset[str]],
    paths: Mapping[str, str] | None = None,
    among: Iterable[Seen] | None = None,
) -> Obj:
    """A page of what the call's `query` finds, newest first.

    `fields` names what can be searched and how (TEXT, TOKEN, NUMBER); metadata always can. `paths`
    tells where a field stands if not under its own name; `among` gives the candidates.

    Raises:
        Refusal: a query that does not parse, or an unsupported field or operator.
    """
    clauses, joined = parse(call.params["query"])
    for clause in clauses:
        _check(clause, fields, kind)
    candidates = call.world.objects.newest_first(kind) if among is None else among
    places = {clause.field: (paths or {}).get(clause.field, clause.field) for clause in clauses}
    found = [
        obj
        for obj in candidates
        if joined(clause.holds(obj, places[clause.field]) for clause in clauses)
    ]
    return _page(call, found)


def parse(query: str | None) -> tuple[list[Clause], Callable[[Iterable[bool]], bool]]:
    """The clauses of a query, and `all` or `any`.

    Raises:
        Refusal: a query that does not parse.
    """
    text = (query or "").strip()
    clauses: list[Clause] = []
    joints: set[str] = set()
    at = 0
    while at < len(text) or not clauses:
        match = _CLAUSE.match(text, at)
        if match is None:
            raise _unreadable(text)
        clauses.append(_clause(match))
        at = match.end()
        joint = _JOINT.match(text, at)
        if joint and at < len(text):
            joints.add((joint[1] or "AND").upper())
            at = joint.end()
            if at >= len(text):
                raise _unreadable(text)
    if len(joints) > 1:
        raise Refusal("You cannot combine AND and OR in a search query.", param="query")
    if len(clauses) > MAX_CLAUSES:
        raise Refusal(f"A search query can have up to {MAX_CLAUSES} query clauses.", param="query")
    return clauses, any if joints == {"OR"} else all


def _clause(match: re.Match[str]) -> Clause:
    word, text = match["word"], match["text"]
    value = word if text is None else re.sub(r"\\(.)", r"\1", text)
    if text is None and word.lower() == "null":
        value = None
    key = match["key"]
    return Clause(
        match["field"],
        None if key is None else re.sub(r"\\(.)", r"\1", key),
        match["how"],
        value,
        match["denied"] is not None,
    )


def _check(clause: Clause, fields: Mapping[str, frozenset[str]], kind: str) -> None:
    hows = TEXT if clause.field == "metadata" else fields.get(clause.field)
    if hows is None or (clause.key is not None) != (clause.field == "metadata"):
        plural = f"{kind}s"
        raise Refusal(
            f"Field `{clause.field}` is an unsupported search field for resource `{plural}`. See "
            f"https://docs.stripe.com/search#query-fields-for-{plural.replace('_', '-')} for a "
            "list of supported fields.",
            param="query",
        )
    if clause.how not in hows:
        raise Refusal(
            f"Operator `{clause.how}` is not supported for field `{clause.field}`.", param="query"
        )
    if clause.value is None:
        return
    if hows is NUMBER and not re.fullmatch(r"-?\d{1,18}", clause.value):
        raise Refusal(f"Field `{clause.field}` takes a number: {clause.value[:40]}", param="query")
    if clause.how == "~" and len(clause.value) < LEAST_PART:
        raise Refusal(
            f"The substring search operator `~` takes at least {LEAST_PART} characters.",
            param="query",
        )


def _page(call: Call, found: list[Seen]) -> Obj:
    limit = call.sent("limit", DEFAULT_LIMIT)
    if not 1 <= limit <= MAX_LIMIT:
        raise Refusal(
            "This value must be between 1 and 100.",
            code="parameter_invalid_integer",
            param="limit",
        )
    start = 0
    if cursor := call.sent("page"):
        places = {obj["id"]: place for place, obj in enumerate(found, start=1)}
        if cursor not in places:
            raise Refusal("The page token you passed is invalid.", param="page")
        start = places[cursor]
    chosen, more = found[start : start + limit], len(found) > start + limit
    return {
        "object": "search_result",
        "data": [call.world.view(obj) for obj in chosen],
        "has_more": more,
        "next_page": chosen[-1]["id"] if more else None,
        "url": call.url,
    }


def _unreadable(text: str) -> Refusal:
    return Refusal(
        f"We were unable to parse your search query: {text[:100]}. Try using the format "
        '`metadata["key"]:"value"` to query for metadata or key:"value" to query for other '
        "fields.",
        param="query",
    )
