"""Do the requests that bring an event about with the real Stripe bring it about here?

The sequences are no part of this project: name their folder with --stripe-traffic.
"""

import sys
from pathlib import Path

import pytest
from tests.sandbox.conformance.triggers import Trigger

from tallygate_sandbox.testing import RunningSandbox, running_sandbox

START = 1_767_225_600
ABSENT = {
    "quote.accepted",  # the sandbox has no quotes: docs/sandbox.md
    "customer.discount.created",  # the pinned version takes no coupon on a customer any more
}
WITHOUT_TRIGGERS = (
    "\nThe sandbox was NOT compared with the request sequences of Stripe's command-line tool: "
    "name their folder with --stripe-traffic.\n"
)


def wait_for_clocks(sandbox: RunningSandbox) -> None:
    """What is due at once is played before the next request; a test clock's steps beside them."""
    sandbox.control("clock")
    clocks = list(sandbox.world.objects.newest_first("test_helpers.test_clock"))
    while any(clock["status"] == "advancing" for clock in clocks):
        sandbox.control("clock")


def test_the_tools_sequences_bring_their_events_about(
    stripe_traffic: Path | None, capsys: pytest.CaptureFixture[str]
) -> None:
    if stripe_traffic is None:
        with capsys.disabled():
            sys.stderr.write(WITHOUT_TRIGGERS)
        return
    files = sorted((stripe_traffic / "cli-triggers").glob("*.json"))
    assert len(files) > 20
    found = {}
    for file in files:
        if file.stem in ABSENT:
            continue
        with running_sandbox(frozen=START) as sandbox:
            wrong = Trigger(sandbox).play(file)
            wait_for_clocks(sandbox)
            objects = sandbox.world.objects
            events = [*objects.newest_first("event"), *objects.newest_first("v2.core.event")]
            happened = [event["type"] for event in reversed(events)]
        if wrong or file.stem not in happened:
            found[file.stem] = wrong or happened
    assert not found
