"""How the sandbox behaves, behavior by behavior, in full or in part: the lines of behaviors.txt.

Evidence: recorded traffic with the real Stripe, the SDK's types and comments, documentation, or
assumed, because nothing public tells. A test that is named shows each; another checks the names.
"""

from pathlib import Path
from typing import Literal, NamedTuple, cast

State = Literal["full", "partial", "absent"]
Evidence = Literal["recorded", "SDK type", "documentation", "assumed"]


class Behavior(NamedTuple):
    """`shown_by` is a test's path below tests/sandbox, and its name."""

    what: str
    state: State
    evidence: Evidence
    shown_by: str = ""


def read() -> list[Behavior]:
    text = Path(__file__).with_suffix(".txt").read_text("utf-8")
    rows = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [_behavior(row.split(" | ")) for row in rows]


def _behavior(cells: list[str]) -> Behavior:
    what, state, evidence, *shown_by = cells
    return Behavior(what, cast("State", state), cast("Evidence", evidence), *shown_by)


BEHAVIORS = read()
