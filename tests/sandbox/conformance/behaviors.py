"""How the sandbox behaves, behavior by behavior: in full or in part, and how we know.

Evidence: recorded traffic with the real Stripe, the SDK's types and comments, documentation, or
assumed, because nothing public tells. A test named here shows each; another checks the names.
"""

from typing import Literal, NamedTuple

State = Literal["full", "partial", "absent"]
Evidence = Literal["recorded", "SDK type", "documentation", "assumed"]


class Behavior(NamedTuple):
    """`shown_by` is a test's path below tests/sandbox, and its name."""

    what: str
    state: State
    evidence: Evidence
    shown_by: str = ""


BEHAVIORS: list[Behavior] = []
