"""Does the sandbox answer as the real Stripe did? Recorded traffic, played again.

The recordings are no part of this project: name their folder with --stripe-traffic.
"""

import sys
from pathlib import Path

import pytest
from tests.sandbox.conformance.recordings import Replay, prepare, steps_of

from tallygate_sandbox.testing import running_sandbox

WITHOUT_RECORDINGS = (
    "\nThe sandbox was NOT compared with recorded traffic of the real Stripe: name the folder of "
    "the recordings with --stripe-traffic.\n"
)
THREE_D_SECURE = "pm_card_threeDSecure2Required"


def test_recorded_traffic_plays_again(
    stripe_traffic: Path | None, capsys: pytest.CaptureFixture[str]
) -> None:
    if stripe_traffic is None:
        with capsys.disabled():
            sys.stderr.write(WITHOUT_RECORDINGS)
        return
    recordings = sorted((stripe_traffic / "recorded").glob("*.json"))
    assert recordings
    everything = [step for recording in recordings for step in steps_of(recording)]
    found = {}
    played = 0
    for recording in recordings:
        steps = steps_of(recording)
        card = THREE_D_SECURE if "SCA" in recording.name else "pm_card_visa"
        with running_sandbox(
            frozen=min(step.body.get("created", 2**40) for step in steps)
        ) as sandbox:
            replay = Replay(sandbox)
            prepare(replay, everything)
            for number, step in enumerate(steps):
                replay.give_card(step, card)
                if replay.unknown(step):
                    continue
                played += 1
                if wrong := replay.play(step):
                    found[f"{recording.stem} {number}"] = wrong
    assert played > 70
    assert not found
