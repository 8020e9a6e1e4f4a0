"""Writes docs/sandbox.md: what the sandbox has of Stripe, and how we know that Stripe does it so.

    python -m tests.sandbox.conformance.document

The endpoints come from the sandbox's own table, those that it lacks from the official SDK's
services, the behaviors from behaviors.py. A test keeps the page true.
"""

import re
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import stripe
from tests.sandbox.conformance.behaviors import BEHAVIORS

from tallygate_sandbox import app
from tallygate_sandbox.api.endpoints import ENDPOINTS, Endpoint
from tallygate_sandbox.wire.shapes import Choice, Fields, Many, OneOf, Shape, shape_of

PAGE = Path(__file__).parents[3] / "docs" / "sandbox.md"
BEGIN = "<!-- generated: python -m tests.sandbox.conformance.document -->"
CALL = re.compile(r'"(get|post|delete)",\s*"(/v[12]/[^"]+)"')
EVERYWHERE = {"expand", "limit", "starting_after", "ending_before", "page"}
CONNECT = {
    *("account_tax_ids", "application_fee_amount", "application_fee_percent", "connect"),
    *("customer_account", "issuer", "on_behalf_of", "reverse_transfer", "refund_application_fee"),
    *("transfer_data", "transfer_group", "account"),
}
# The kinds of payment method that are none the sandbox has, where a parameter is called like one.
BESIDE_CARDS = shape_of("PaymentMethodCreateParams").shapes["type"]
NO_CARDS = frozenset(
    word
    for option in (BESIDE_CARDS.options if isinstance(BESIDE_CARDS, OneOf) else [BESIDE_CARDS])
    if isinstance(option, Choice)
    for word in option.words
) - {"card", "custom"}


def of_the_sdk() -> set[tuple[str, str]]:
    """Every endpoint that the official SDK calls: its method and path, ids written as {}."""
    folder = Path(stripe.__file__).parent
    found = set()
    for service in folder.rglob("*_service.py"):
        for method, path in CALL.findall(service.read_text("utf-8")):
            found.add((method.upper(), nameless(path)))
    return found


def nameless(path: str) -> str:
    return re.sub(r"\{\w+\}", "{}", path)


def lacking(declared: Endpoint) -> list[str]:
    """The parameters that Stripe takes here and the sandbox does not; inner ones are dotted."""
    return sorted(_lacking(declared.shape, declared.takes, ""))


def _lacking(shape: Shape, takes: frozenset[str], prefix: str) -> Iterator[str]:
    for inner in _hashes(shape):
        for name, of in inner.shapes.items():
            place = f"{prefix}{name}"
            if place in takes or name in CONNECT or name in NO_CARDS:
                continue
            if not prefix and name in EVERYWHERE:
                continue
            if any(taken.startswith(f"{place}.") for taken in takes):
                yield from _lacking(of, takes, f"{place}.")
            else:
                yield place


def _hashes(shape: Shape) -> Iterator[Fields]:
    if isinstance(shape, Fields):
        yield shape
    elif isinstance(shape, Many):
        yield from _hashes(shape.of)
    elif isinstance(shape, OneOf):
        for option in shape.options:
            yield from _hashes(option)


def endpoints_table() -> list[str]:
    rows = ["| endpoint | state | evidence | not taken |", "|---|---|---|---|"]
    for declared in sorted(ENDPOINTS, key=lambda e: (e.path, e.method)):
        missing = lacking(declared)
        state = "partial" if missing else "full"
        names = ", ".join(f"`{name}`" for name in missing)
        rows.append(
            f"| {declared.method} {declared.path} | {state} | {declared.evidence} | {names} |"
        )
    return rows


def absent_list() -> list[str]:
    """What the SDK can call and the sandbox answers with 501, by the first words of the path."""
    ours = {(e.method, nameless(e.path)) for e in ENDPOINTS}
    missing = sorted(of_the_sdk() - ours, key=lambda call: (call[1], call[0]))
    have = {"/".join(path.split("/")[:3]) for _, path in ours}
    near = [f"{method} {path}" for method, path in missing if _first(path) in have]
    far = Counter(_first(path) for _, path in missing if _first(path) not in have)
    return [
        "Beside what the sandbox has:",
        "",
        *(f"- `{call}`" for call in near),
        "",
        "Whole families, with the number of their endpoints: "
        + ", ".join(f"`{family}` {count}" for family, count in sorted(far.items()))
        + ".",
    ]


def _first(path: str) -> str:
    return "/".join(path.split("/")[:3])


def behaviors_table() -> list[str]:
    rows = ["| behavior | state | evidence | shown by |", "|---|---|---|---|"]
    rows += [
        f"| {b.what} | {b.state} | {b.evidence} | {f'`{b.shown_by}`' if b.shown_by else ''} |"
        for b in BEHAVIORS
    ]
    return rows


def generated() -> str:
    for room in app.ROOMS:
        import_module(f"tallygate_sandbox.{room}")
    full = sum(not lacking(declared) for declared in ENDPOINTS)
    counted = (
        f"{len(ENDPOINTS)} endpoints, {full} of them with every parameter of the SDK's version."
    )
    refused = (
        "A parameter that is not taken answers 501 and is named. Those of Connect are taken "
        "nowhere and not listed: " + ", ".join(f"`{name}`" for name in sorted(CONNECT)) + ". Nor "
        f"are the {len(NO_CARDS)} other kinds of payment method, such as `sepa_debit`: the "
        "sandbox has cards."
    )
    parts = [
        [BEGIN, "", "## Behaviors", "", *behaviors_table()],
        ["## Endpoints", "", counted, refused, "", *endpoints_table()],
        ["## Absent", "", *absent_list(), ""],
    ]
    return "\n\n".join("\n".join(lines) for lines in parts)


def page() -> str:
    """The page with its generated part written anew."""
    by_hand = PAGE.read_text("utf-8").partition(BEGIN)[0]
    return by_hand + generated()


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
