"""One clock for the whole sandbox: read, moved, stopped, and played through in order."""

from tallygate_sandbox.testing import RunningSandbox

START = 1_767_225_600


def test_it_moves_to_an_instant_and_stands_there(sandbox: RunningSandbox) -> None:
    sandbox.advance_to(START + 10)
    assert sandbox.control("clock")["now"] == START + 10
