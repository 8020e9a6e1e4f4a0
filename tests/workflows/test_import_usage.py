"""Files of usage: twice is once, a broken line is told, and the rest is taken."""

import os
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from threading import Thread

import pytest

from tallygate.accounts.model import BillingAccount, Organization
from tallygate.adapters.store import accounts
from tallygate.adapters.store.bulk import rows_at_once
from tallygate.adapters.store.events import read_content
from tallygate.core.errors import Invalid
from tallygate.testing import FrozenClock
from tallygate.workflows.import_usage import (
    ImportOptions,
    ImportReport,
    Unmapped,
    import_file,
)
from tallygate.workflows.installation import Installation

NOW = datetime(2026, 3, 1, tzinfo=UTC)
CSV = """customer,timestamp,tokens,model,zip
acme,2026-02-01T10:00:00Z,12.50,large,007
acme,2026-02-01T10:00:00Z,12.50,large,007
acme,2026-02-02 11:00:00,3,,008
"""
COLUMNS = {"subject": "customer", "time": "timestamp"}


@pytest.fixture
def ready(installation: Installation, clock: FrozenClock) -> Installation:
    clock.set(NOW)
    with installation.store.write() as tx:
        accounts.save_organization(tx, Organization("org_a", "Acme", "bil_a", NOW, "acme"))
        accounts.save_billing_account(tx, BillingAccount("bil_a", "org_a", "Payer", NOW))
    return installation


def counts(report: ImportReport) -> tuple[int, int, int, int, int]:
    return (
        report.lines,
        report.accepted,
        report.duplicates,
        report.conflicts,
        report.rejected,
    )


def stored(installation: Installation) -> list[dict[str, object]]:
    with installation.store.read() as tx:
        rows = sorted(rows_at_once(tx, ("seq", "content"), "FROM events", ()))
    return [read_content(str(content)) for _, content in rows]


def csv_options(**changes: object) -> ImportOptions:
    given = {"columns": COLUMNS, "fixed": {"type": "llm", "plan": "pro"}, "assume_utc": True}
    return ImportOptions(**{**given, **changes})  # type: ignore[arg-type]  # by name


def test_csv_with_a_map_twice_is_once(ready: Installation, tmp_path: Path) -> None:
    path = tmp_path / "usage.csv"
    path.write_text(CSV)
    seen: list[tuple[int, int]] = []
    report = import_file(ready, path, csv_options(), lambda done, of: seen.append((done, of)))
    assert counts(report) == (3, 3, 0, 0, 0)
    assert seen[-1] == (len(CSV), len(CSV))
    first = {"tokens": Decimal("12.50"), "model": "large", "zip": "007", "plan": "pro"}
    assert stored(ready)[0] == stored(ready)[1] == first
    assert counts(import_file(ready, path, csv_options())) == (3, 0, 3, 0, 0)
    path.write_text(CSV + "acme,2026-02-03T00:00:00Z,1,small,9\n")
    assert counts(import_file(ready, path, csv_options())) == (4, 1, 3, 0, 0)


def test_chosen_fields_only(ready: Installation, tmp_path: Path) -> None:
    path = tmp_path / "usage.csv"
    path.write_text(CSV)
    import_file(ready, path, csv_options(columns={**COLUMNS, "amount": "tokens"}))
    assert stored(ready)[2] == {"amount": 3, "plan": "pro"}


def test_a_broken_line_is_told_and_the_rest_is_taken(ready: Installation, tmp_path: Path) -> None:
    path = tmp_path / "usage.csv"
    lines = CSV.encode().splitlines(keepends=True)
    broken = [
        b"acme,2026-02-01T10:00:00Z\n",
        b"\xff,2026-02-01T10:00:00Z,1,a,b\n",
        b"nobody,2026-02-01T10:00:00Z,1,a,b\n",
        b"acme,yesterday,1,a,b\n",
        b"acme,2020-01-01T00:00:00Z,1,a,b\n",
    ]
    path.write_bytes(b"".join([*lines, *broken, b"acme,2026-02-05T00:00:00Z,9,a,b\n"]))
    report = import_file(ready, path, csv_options())
    assert counts(report) == (9, 4, 0, 0, 5)
    assert not report.complete
    told = {trouble.place.rpartition(":")[2]: trouble.message for trouble in report.troubles}
    assert list(told) == ["5", "6", "7", "8", "9"]
    assert "2 columns instead of 5" in told["5"]
    assert "UTF-8" in told["6"]
    assert "unknown" in told["7"]
    assert "yesterday" in told["8"]
    assert "400 days" in told["9"]
    assert str(report.troubles[0]).startswith(f"{path}:5: ")


def test_a_quote_left_open_spoils_its_own_line_alone(ready: Installation, tmp_path: Path) -> None:
    path = tmp_path / "usage.csv"
    good = [f"2026-02-0{day}T00:00:00Z,acme,{day}" for day in range(1, 10)]
    told = ['"2026-02-01T00:00:00Z,acme,3', *good[:4], '2026-02-01,"a"b,3', *good[4:], 'a,b,"x']
    path.write_bytes("\r\n".join(['\ufeff"ts",vm,n', *told]).encode())
    options = csv_options(columns={"subject": "vm", "time": "ts"})
    report = import_file(ready, path, options)
    assert counts(report) == (12, 9, 0, 0, 3)
    places = {int(one.place.rpartition(":")[2]): one.message for one in report.troubles}
    assert sorted(places) == [2, 7, 13]
    assert "A quote is not closed on this line" in places[2]
    assert "The line is broken" in places[7]


def test_ndjson_of_cloudevents_and_of_anything(ready: Installation, tmp_path: Path) -> None:
    path = tmp_path / "usage.ndjson"
    path.write_bytes(
        b'{"id":"1","source":"s","type":"t","subject":"acme","data":{"n":1.50}}\n\n'
        b'{"id":"1","source":"s","type":"t","subject":"acme","data":{"n":2}}\n'
        b'{"id":"2","source":"s","type":"t","subject":"acme","data":{"n":NaN}}\n'
        b'{"type":"t","subject":"acme","time":"2026-02-01T00:00:00Z","n":3}\n'
        b'{"type":"t","subject":"acme","n":3,"n":4}\n'
        b"not json\n"
    )
    report = import_file(ready, path)
    assert counts(report) == (6, 2, 0, 1, 3)
    assert stored(ready) == [{"n": Decimal("1.50")}, {"n": 3}]
    places = [int(trouble.place.rpartition(":")[2]) for trouble in report.troubles]
    assert places == [3, 4, 6, 7]
    assert counts(import_file(ready, path)) == (6, 0, 2, 1, 3)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("usage.txt", "a", "say with --format which form"),
        ("usage.json", '\n [{"type": "t"}]', "holds a JSON array"),
        ("usage.csv", "\n1,2\n", "no first line"),
        ("usage.csv", "", "no first line"),
        ("usage.csv", "a,b\n1,2\n", "no column customer, timestamp; it has a, b"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(
    ready: Installation, tmp_path: Path, name: str, content: str, sentence: str
) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(Invalid, match=sentence):
        import_file(ready, path, csv_options())


@pytest.mark.parametrize("missing", ["type", "subject"])
def test_what_no_line_can_say_is_told_once(
    ready: Installation, tmp_path: Path, missing: str
) -> None:
    path = tmp_path / "usage.csv"
    path.write_text("ts,who,n\n" + "2026-02-01T00:00:00Z,acme,one\n" * 500)
    mapped = {"time": "ts", "subject": "who", "type": "n"}
    del mapped[missing]
    with pytest.raises(Unmapped, match=f"the {missing} of its events: say --{missing} for all"):
        import_file(ready, path, csv_options(columns=mapped, fixed={}))
    whole = csv_options(columns=mapped, fixed={missing: "acme"})
    assert counts(import_file(ready, path, whole)) == (500, 500, 0, 0, 0)


def test_a_tsv_has_tabs(ready: Installation, tmp_path: Path) -> None:
    for name in ("usage.tsv", "usage.TSV"):
        (tmp_path / name).write_text(CSV.replace(",", "\t"))
        assert import_file(ready, tmp_path / name, csv_options(source=name)).accepted == 3
    (tmp_path / "comma.tsv").write_text(CSV)
    options = csv_options(delimiter=",", source="comma")
    assert import_file(ready, tmp_path / "comma.tsv", options).accepted == 3


@pytest.mark.parametrize("delimiter", ["", ";;", '"', "\n"])
def test_a_delimiter_is_one_character(ready: Installation, tmp_path: Path, delimiter: str) -> None:
    (tmp_path / "usage.csv").write_text(CSV)
    with pytest.raises(Invalid, match="delimiter is one character"):
        import_file(ready, tmp_path / "usage.csv", csv_options(delimiter=delimiter))


def test_a_pipe_is_read_once(ready: Installation, tmp_path: Path) -> None:
    path = tmp_path / "usage.csv"
    os.mkfifo(path)
    writer = Thread(target=path.write_text, args=(CSV,))
    writer.start()
    assert import_file(ready, path, csv_options()).accepted == 3
    writer.join()


def test_a_file_that_is_not_there(ready: Installation, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="cannot be read"):
        import_file(ready, tmp_path / "absent.csv")
