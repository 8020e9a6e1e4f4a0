"""Is docs/sandbox.md true?"""

import re
from pathlib import Path

from tests.sandbox.conformance.behaviors import BEHAVIORS
from tests.sandbox.conformance.document import PAGE, nameless, of_the_sdk, page

from tallygate_sandbox.api.endpoints import ENDPOINTS

TESTS = Path(__file__).parents[1]


def test_the_page_is_what_the_sandbox_is() -> None:
    assert PAGE.read_text("utf-8") == page(), "run python -m tests.sandbox.conformance.document"


def test_the_sandbox_invents_no_endpoint() -> None:
    known = of_the_sdk()
    assert len(known) > 300
    invented = [e for e in ENDPOINTS if (e.method, nameless(e.path)) not in known]
    assert not [f"{e.method} {e.path}" for e in invented]


def test_every_behavior_is_shown_by_a_test_that_exists() -> None:
    for behavior in BEHAVIORS:
        assert behavior.state == "absent" or behavior.shown_by, behavior.what
        if behavior.shown_by:
            file, _, name = behavior.shown_by.partition("::")
            text = (TESTS / file).read_text("utf-8")
            assert re.search(rf"def {name}\(", text), behavior
