"""`usage import` says what is wrong once, and how far it came."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from tests.interfaces.commands import Run

from tallygate.workflows import import_usage
from tallygate.workflows.ingest import ingest


def test_an_import_that_lacks_a_type_is_told_once(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("time,subject,n\n" + "2026-02-01T00:00:00Z,acme,1\n" * 9)
    done = run("usage", "import", "a.csv", code=2)
    assert len(done.stderr.splitlines()) == 1
    assert all(f"--{option}" in done.stderr for option in ("type", "subject", "columns"))
    for delimiter in (";;", ""):
        refused = run("usage", "import", "a.csv", "--delimiter", delimiter, code=1)
        assert "delimiter is one character" in refused.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_import_that_is_stopped_says_how_far_it_came(
    number: int, code: int, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("api", "POST", "/v1/organizations", '{"name": "Acme", "external_id": "acme"}')
    (tmp_path / "a.csv").write_text("type,subject,n\n" + "t,acme,1\n" * 5)

    def stop_at_the_last(*given: Any) -> Any:
        if len(given[1]) == 1:
            os.kill(os.getpid(), number)
        return ingest(*given)

    words = ("usage", "import", "a.csv", "--assume-utc")
    # A shell lets what it starts in the background ignore SIGINT, and the tests with it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with monkeypatch.context() as patch:
        patch.setattr(import_usage, "LINES_AT_ONCE", 2)
        patch.setattr(import_usage, "ingest", stop_at_the_last)
        stopped = run(*words, code=code)
    signal.signal(signal.SIGINT, before)
    assert stopped.stderr == "Stopped after 4 lines; run it again to go on.\n"
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert "1 accepted, 4 known before" in run(*words).stdout
