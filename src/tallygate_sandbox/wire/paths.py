"""Which addresses Stripe has, as the official SDK's services call them.

It tells what the sandbox lacks (501) from what does not exist anywhere (404).
"""

import re
from functools import cache
from pathlib import Path

import stripe

CALL = re.compile(r'"(get|post|delete)",\s*(?:base_address=\S+\s*)?"(/v[12]/[^"]*)"')


@cache
def _known() -> frozenset[tuple[str, str]]:
    """Every method and path of the SDK, ids written as {}."""
    found = set()
    for file in Path(stripe.__file__).parent.rglob("*_service.py"):
        for method, path in CALL.findall(file.read_text(encoding="utf-8")):
            found.add((method.upper(), re.sub(r"\{\w+\}", "{}", path)))
    return frozenset(found)


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    return [
        (method, re.compile(re.escape(path).replace(r"\{\}", "[^/]+") + r"\Z"))
        for method, path in sorted(_known())
    ]


def stripe_has(method: str, path: str) -> bool:
    """Whether Stripe answers this method at this path."""
    return any(one == method and pattern.match(path) for one, pattern in _patterns())
