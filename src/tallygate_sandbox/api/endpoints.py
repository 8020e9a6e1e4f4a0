"""The table of endpoints. Each says what it takes and how we know that Stripe does it so.

A parameter that Stripe has and the endpoint does not name answers 501: nothing that was asked is
quietly left undone. docs/sandbox.md is generated from this table.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

from tallygate_sandbox.api.call import Call
from tallygate_sandbox.wire.refusals import absent
from tallygate_sandbox.wire.shapes import Fields, shape_of


class Evidence(StrEnum):
    """How we know that the real Stripe does it so."""

    RECORDED = "recorded"  # traffic with the real Stripe agrees
    SDK = "SDK type"  # the official SDK's types say so
    DOCUMENTED = "documentation"
    ASSUMED = "assumed"


Answer = dict[str, Any]
Act = Callable[[Call], Answer]


@dataclass(frozen=True)
class Endpoint:
    """`takes` holds the parameters that are acted upon; "a.b" takes of the hash `a` only `b`."""

    method: str
    path: str
    act: Act
    request: str
    takes: frozenset[str]
    evidence: Evidence

    @cached_property
    def shape(self) -> Fields:
        return shape_of(self.request)

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.path) + r"\Z")

    def refuse_absent(self, params: dict[str, Any]) -> None:
        """Refuse what Stripe takes here and the sandbox does not."""
        for name in _paths(params):
            if not self._takes(name):
                raise absent(f"the parameter {name} of {self.method} {self.path}")

    def _takes(self, name: str) -> bool:
        parts = name.split(".")
        whole = any(".".join(parts[:n]) in self.takes for n in range(1, len(parts) + 1))
        return whole or any(taken.startswith(f"{name}.") for taken in self.takes)


ENDPOINTS: list[Endpoint] = []


def endpoint(
    address: str, request: str = "", takes: str = "", evidence: Evidence = Evidence.SDK
) -> Callable[[Act], Act]:
    """Declare an endpoint: @endpoint("POST /v1/coupons", "CouponCreateParams", "id name").

    `request` names the SDK's parameter type; `takes` lists what is acted upon. `expand` and, on
    lists, the paging parameters are taken everywhere.
    """
    method, path = address.split(" ")

    def declare(act: Act) -> Act:
        everywhere = {"expand", "limit", "starting_after", "ending_before"}
        taken = frozenset(takes.split()) | everywhere
        ENDPOINTS.append(Endpoint(method, path, act, request, taken, evidence))
        return act

    return declare


def find_endpoint(method: str, path: str) -> tuple[Endpoint, dict[str, str]] | None:
    """The endpoint for a path, and the ids in it. A literal path wins over one with an id."""
    key = (method, path.count("/"))
    for declared in _by_size().get(key, ()):
        if match := declared.pattern.match(path):
            return declared, match.groupdict()
    return None


_sized: dict[tuple[str, int], list[Endpoint]] = {}


def _by_size() -> dict[tuple[str, int], list[Endpoint]]:
    if sum(map(len, _sized.values())) != len(ENDPOINTS):
        _sized.clear()
        for declared in sorted(ENDPOINTS, key=lambda e: e.path.count("{")):
            _sized.setdefault((declared.method, declared.path.count("/")), []).append(declared)
    return _sized


def _paths(params: Any, prefix: str = "") -> list[str]:
    """The names of all parameters, inner ones dotted, list positions left out."""
    if isinstance(params, list):
        return [name for one in params for name in _paths(one, prefix)]
    if isinstance(params, dict) and params and not prefix.endswith("metadata."):
        inner = [_paths(value, f"{prefix}{key}.") for key, value in params.items()]
        return [name for names in inner for name in names]
    return [prefix.rstrip(".")] if prefix else []
