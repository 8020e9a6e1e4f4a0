"""What does the log promise, on both engines? Counted once, told apart, kept whole."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tallygate.accounts.model import BillingAccount, Organization, Project
from tallygate.adapters.store import Store, accounts, events, meters, resources, rollups
from tallygate.adapters.store.audit import count_differences
from tallygate.adapters.store.engine import Transaction
from tallygate.adapters.store.life_news import earliest_life_news
from tallygate.adapters.store.news import News
from tallygate.adapters.store.usage_log import StoreLog
from tallygate.catalog.model import Meter
from tallygate.core.errors import Conflict, Unreachable
from tallygate.core.failpoints import armed
from tallygate.core.period import Period
from tallygate.metering.cell import HOUR
from tallygate.workflows.ingest import Batch, Incoming, Verdicts, ingest, write_group
from tallygate.workflows.installation import Installation
from tallygate.workflows.publish import apply, current

CATALOG = """
name: log
currency: usd
meters:
  tokens: {event: llm.tokens, value: tokens, aggregation: sum}
  peak: {event: llm.tokens, value: tokens, aggregation: max, per: [model]}
  users: {event: llm.tokens, value: user, aggregation: unique}
  held: {event: disk.size, value: gb, aggregation: time_weighted}
prices:
  - {key: tokens, meter: tokens, per_unit: "0.01"}
resources:
  vm: {spec: {vcpu: 2}}
"""
NOW = datetime(2026, 5, 20, 12, 0, tzinfo=UTC)


@pytest.fixture
def ready(each_installation: Installation, clock: Any) -> Installation:
    clock.set(NOW)
    apply(each_installation, CATALOG)
    with each_installation.store.write() as tx:
        for letter in "ab":
            org, bil = f"org_{letter}", f"bil_{letter}"
            accounts.save_organization(tx, Organization(org, "A tenant", bil, NOW, f"t-{letter}"))
            accounts.save_billing_account(
                tx, BillingAccount(bil, org, "Payer", NOW, None, "payer")
            )
    return each_installation


def event(id_: str = "e-1", subject: str = "bil_a", **changes: Any) -> Incoming:
    fields = {"tokens": 5, "model": "large", "user": "u-1", **changes.pop("data", {})}
    at = changes.pop("time", NOW - timedelta(minutes=1))
    return Incoming(id_, changes.pop("source", "test"), "llm.tokens", subject, at, fields)


def counts(verdicts: Verdicts) -> tuple[int, int, int, int]:
    return (
        verdicts.accepted,
        verdicts.duplicates,
        len(verdicts.conflicts),
        len(verdicts.rejected),
    )


def total(installation: Installation, key: str, *subjects: str) -> Decimal:
    with installation.store.read() as tx:
        found = StoreLog(tx).cells(meter_of(installation, key), subjects, 0, 10**6)
        return sum((cell.total for _, _, cell in found), Decimal(0))


def meter_of(installation: Installation, key: str) -> Meter:
    known = current(installation)
    assert known is not None
    return known[1].meters[key]


def check_sums(store: Store) -> None:
    """The stored sums are those of the log, counted afresh."""
    with store.read() as tx:
        assert count_differences(tx) == 0


def test_an_event_counts_once(ready: Installation) -> None:
    assert counts(ingest(ready, [event(), event("e-2")])) == (2, 0, 0, 0)
    assert counts(ingest(ready, [event(), event("e-2"), event("e-3")])) == (1, 2, 0, 0)
    assert total(ready, "tokens", "bil_a") == 15
    check_sums(ready.store)


def test_twice_in_one_batch_is_once(ready: Installation) -> None:
    assert counts(ingest(ready, [event(), event(), event(data={"tokens": 6})])) == (1, 1, 1, 0)
    assert total(ready, "tokens", "bil_a") == 5


def test_no_tenant_takes_the_name_of_another(ready: Installation) -> None:
    with ready.store.write() as tx:
        accounts.save_project(tx, Project("prj_b", "org_b", "Not theirs", NOW, "t-a"))
    assert counts(ingest(ready, [event(subject="t-a")])) == (1, 0, 0, 0)
    assert counts(ingest(ready, [event("e-2", subject="t-a")], "org_b")) == (1, 0, 0, 0)
    assert total(ready, "tokens", "org_a") == 5
    assert total(ready, "tokens", "prj_b") == 5


@pytest.mark.parametrize(
    "changes",
    [
        {"data": {"tokens": 6}},
        {"data": {"tokens": True}},
        {"data": {"extra": None}},
        {"subject": "org_a"},
        {"time": NOW},
        {"time": None},
    ],
)
def test_other_content_is_a_conflict(ready: Installation, changes: dict[str, Any]) -> None:
    ingest(ready, [event(data={"tokens": 1})])
    changed = {"data": {"tokens": 1}, **changes}
    verdicts = ingest(ready, [event("e-0"), event(**changed)])
    if changes.get("data") == {"tokens": True}:
        assert counts(verdicts) == (1, 0, 0, 1)  # no meter can read it
    else:
        assert counts(verdicts) == (1, 0, 1, 0)
        assert verdicts.conflicts[0].index == 1
        assert "accepted before with other content" in verdicts.conflicts[0].error
    assert total(ready, "tokens", "bil_a", "org_a") == 6


@pytest.mark.parametrize("tokens", [Decimal("5.00"), Decimal(5), Decimal("0.5E+1"), 5])
def test_content_is_compared_as_decoded(ready: Installation, tokens: object) -> None:
    ingest(ready, [event()])
    retry = event(data={"tokens": tokens})
    assert retry.data
    retry.data = dict(reversed(retry.data.items()))
    assert counts(ingest(ready, [retry])) == (0, 1, 0, 0)


def test_without_a_time_the_arrival_is_no_content(ready: Installation, clock: Any) -> None:
    assert counts(ingest(ready, [event(time=None)])) == (1, 0, 0, 0)
    clock.advance(timedelta(hours=3))
    assert counts(ingest(ready, [event(time=None)])) == (0, 1, 0, 0)


def test_tenants_do_not_meet(ready: Installation) -> None:
    both = [event(subject="bil_a"), event(subject="bil_b", data={"tokens": 7})]
    assert counts(ingest(ready, both)) == (2, 0, 0, 0)
    foreign = ingest(ready, [event("e-9", subject="bil_b")], "org_a")
    assert counts(foreign) == (0, 0, 0, 1)
    assert "unknown" in foreign.rejected[0].error
    assert counts(ingest(ready, [event("e-9", subject="payer")], "org_a")) == (1, 0, 0, 0)
    ambiguous = ingest(ready, [event("e-10", subject="payer")])
    assert "several organizations" in ambiguous.rejected[0].error
    assert total(ready, "tokens", "bil_b") == 7


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"subject": "nobody"}, "unknown"),
        ({"time": NOW - timedelta(days=401)}, "400 days ago"),
        ({"time": NOW + timedelta(minutes=6)}, "future"),
        ({"time": datetime(1, 1, 1, tzinfo=UTC)}, "ago"),
        ({"time": datetime(9999, 12, 31, tzinfo=UTC)}, "future"),
        ({"data": {"tokens": None}}, "missing"),
        ({"data": {"tokens": "many"}}, "plain decimal"),
        ({"data": {"tokens": 10**15}}, "out of bounds"),
        ({"data": {"tokens": Decimal("1E+1000000")}}, "out of bounds"),
        ({"data": {"tokens": Decimal("NaN")}}, "out of bounds"),
        ({"data": {"tokens": -1}}, "below zero"),
        ({"data": {"model": "a\nb"}}, "printable"),
        ({"data": {"note": "x" * 70_000}}, "64 KiB"),
    ],
)
def test_what_cannot_be_counted_is_rejected_alone(
    ready: Installation, changes: dict[str, Any], sentence: str
) -> None:
    verdicts = ingest(ready, [event("e-1"), event("e-2", **changes), event("e-3")])
    assert counts(verdicts) == (2, 0, 0, 1)
    assert verdicts.rejected[0].index == 1
    assert verdicts.rejected[0].id == "e-2"
    assert sentence in verdicts.rejected[0].error or "character" in verdicts.rejected[0].error
    check_sums(ready.store)


def test_batches_of_a_group_have_their_own_verdicts(ready: Installation) -> None:
    one = Batch([event("e-1"), event("e-2", subject="nobody")], places=[0, 4])
    two = Batch([event("e-1"), event("e-3", subject="bil_b")], tenant="org_a")
    first, second = write_group(ready, [one, two])
    assert counts(first) == (1, 0, 0, 1)
    assert first.rejected[0].index == 4
    assert counts(second) == (0, 1, 0, 1)


@pytest.mark.parametrize(
    "place", ["ingest.insert.before", "ingest.insert.after", "ingest.commit.before"]
)
def test_what_fails_leaves_nothing(ready: Installation, place: str) -> None:
    def fail() -> None:
        raise RuntimeError

    with armed(place, fail), pytest.raises(RuntimeError):
        ingest(ready, [event()])
    with ready.store.read() as tx:
        assert events.last_position(tx) == 0
    assert counts(ingest(ready, [event()])) == (1, 0, 0, 0)
    assert total(ready, "tokens", "bil_a") == 5


def test_a_new_meter_is_counted_from_the_log(ready: Installation) -> None:
    ingest(ready, [event("e-1"), event("e-2", data={"bytes": 9})])
    apply(ready, CATALOG.replace("value: gb", "value: tb").replace("[model]", "[user]"))
    ingest(ready, [event("e-3", data={"tokens": 9})])
    check_sums(ready.store)
    with ready.store.write() as tx:
        rollups.rebuild(tx, meters.active_meters(tx))
    check_sums(ready.store)
    assert total(ready, "peak", "bil_a") == 5 + 5 + 9


def test_only_the_latest_price_list_can_refuse(ready: Installation) -> None:
    apply(ready, CATALOG.replace("value: tokens", "value: amount"))
    plain = Incoming("e-1", "test", "llm.tokens", "bil_a", NOW, {"amount": 2, "model": "m"})
    assert counts(ingest(ready, [plain])) == (0, 0, 0, 1)  # `users` is still current
    plain.data = {"amount": 2, "model": "m", "user": "u"}
    assert counts(ingest(ready, [plain])) == (1, 0, 0, 0)
    check_sums(ready.store)


def test_late_usage_is_noticed(ready: Installation) -> None:
    period = Period(NOW - timedelta(days=10), NOW - timedelta(days=5))
    ingest(ready, [event("e-1", time=NOW - timedelta(days=6))])
    with ready.store.read() as tx:
        closed = events.last_position(tx)
    ingest(ready, [event("e-2")])
    for key in ("tokens", "peak", "users"):
        meter = meter_of(ready, key)
        with ready.store.read() as tx:
            # Values are kept by spans of 30 days, so `users` may give a false alarm.
            assert key == "users" or not StoreLog(tx).touched_since(
                meter, ["bil_a"], period, closed
            )
            assert StoreLog(tx).touched_since(meter, ["bil_a"], period, 0)
    late = event("e-3", time=NOW - timedelta(days=7), data={"user": "u-2"})
    ingest(ready, [late])
    for key in ("tokens", "peak", "users"):
        meter = meter_of(ready, key)
        with ready.store.read() as tx:
            touched_since = StoreLog(tx).touched_since
            assert touched_since(meter, ["bil_a"], period, closed)
            assert not touched_since(meter, ["bil_b"], period, closed)


def test_news_of_several_subjects_is_what_each_would_be_told(ready: Installation) -> None:
    """Asked from the latest position down as well: an earlier one has news of its own."""
    period = Period(NOW - timedelta(days=10), NOW - timedelta(days=5))
    with ready.store.write() as tx:
        accounts.save_project(tx, Project("prj_a", "org_a", "A", NOW))
    made = Incoming(
        "r-1", "test", "resource.created", "vm-1", NOW, {"project": "prj_a", "type": "vm"}
    )
    old = event("e-1", "bil_b", time=NOW - timedelta(days=6))
    late = event("e-2", time=NOW - timedelta(days=7))
    assert ingest(ready, [old, made, late]).accepted == 3
    with ready.store.read() as tx:
        [(machine, _, _)] = resources.residents_of(tx, "org_a")
        meter, everybody = meter_of(ready, "tokens"), ["bil_a", "bil_b", machine]
        for positions in ((0, 1, 2, 3), (3, 2, 1, 0)):
            news = News(tx, StoreLog(tx), everybody, period)
            for position in positions:
                for subject in everybody:
                    touched = StoreLog(tx).touched_since(meter, [subject], period, position)
                    assert news.touched_since(meter, [subject], period, position) == touched
                    born = earliest_life_news(tx, [subject], position)
                    assert news.earliest_life_news([subject], position) == born
        assert earliest_life_news(tx, everybody, 1) == NOW
        assert earliest_life_news(tx, ["bil_a"], 1) is None
        log = StoreLog(tx)
        assert [log.touched_among(meter, everybody, period, at) for at in range(4)] == [
            {"bil_a", "bil_b"},
            {"bil_a"},
            {"bil_a"},
            set(),
        ]


def test_a_life_that_is_refused_leaves_nothing(
    ready: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise Conflict("Something else has this name.")

    monkeypatch.setattr("tallygate.workflows.lives.Lives.add", refuse)
    with ready.store.write() as tx:
        accounts.save_project(tx, Project("prj_a", "org_a", "A project", NOW))
    born = Incoming(
        "r-1", "test", "resource.created", "vm-1", NOW, {"project": "prj_a", "type": "vm"}
    )
    verdicts = ingest(ready, [event("e-1"), born, event("e-2")])
    assert counts(verdicts) == (2, 0, 0, 1)
    assert verdicts.rejected[0].error == "Something else has this name."
    monkeypatch.undo()
    used = event("e-3", subject="vm-1")
    assert counts(ingest(ready, [used, born, used])) == (2, 0, 0, 1)
    assert counts(ingest(ready, [born, used])) == (0, 2, 0, 0)
    check_sums(ready.store)


TIMES = st.integers(0, 3 * HOUR - 1)
SENT = st.tuples(st.integers(0, 12), TIMES, st.integers(0, 3), st.booleans())


@settings(
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(st.lists(SENT, max_size=8), min_size=1, max_size=5), st.data())
def test_sums_equal_the_log(
    ready: Installation, batches: Sequence[Sequence[tuple[int, int, int, bool]]], data: Any
) -> None:
    start = NOW - timedelta(hours=4)
    run = data.draw(st.uuids())
    for batch in batches:
        incoming = []
        for number, offset, size, disk in batch:
            at = start + timedelta(microseconds=offset)
            kind = "disk.size" if disk else "llm.tokens"
            fields = {"gb": size} if disk else {"tokens": size, "model": "m", "user": f"u{size}"}
            name = f"{run}-{number}"
            incoming.append(Incoming(name, "s", kind, "bil_a", at, fields))
        verdicts = ingest(ready, incoming)
        assert sum(counts(verdicts)) == len(incoming)
        assert not verdicts.rejected
    check_sums(ready.store)


def test_a_wrong_sum_is_found(ready: Installation) -> None:
    ingest(ready, [event(), event("e-2", time=NOW - timedelta(days=2))])
    with ready.store.write() as tx:
        tx.exec_driver_sql("UPDATE cells SET total = '6' WHERE number = 1")
        tx.exec_driver_sql("DELETE FROM marked_values WHERE number = 1")
    with ready.store.read() as tx:
        assert count_differences(tx) == 2


TEXTS = ("a\\b", "\\N", "\\.", "tab\there", "line\nend\r\n", '"quoted"', "{a,b}", "é\u2028\x7f")


def test_texts_are_kept_as_they_came(ready: Installation) -> None:
    sent = [event(f"e-{n}", data={"model": "m", "text": t, t: 1}) for n, t in enumerate(TEXTS)]
    assert ingest(ready, sent).accepted == len(sent)
    with ready.store.read() as tx:
        origins = events.number_origins(tx, [("org_a", "test")])
        found = events.stored(tx, [(one.id, origins["org_a", "test"]) for one in sent])
    kept = {name: events.read_content(row.content) for (name, _), row in found.items()}
    assert kept == {one.id: one.data for one in sent}


def test_rows_that_the_database_does_not_take_in_time_are_told(
    ready: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    if ready.store.dialect != "postgresql":
        pytest.skip("SQLite locks whole files")

    def be_impatient(tx: Transaction, _rows: object) -> set[int]:
        tx.exec_driver_sql("SET LOCAL lock_timeout = 20")
        return set()

    with monkeypatch.context() as patched, ready.store.writer_engine.begin() as other:
        patched.setattr(events, "_repeated", be_impatient)
        other.exec_driver_sql("LOCK TABLE events IN SHARE MODE")
        with pytest.raises(Unreachable, match=r"did not answer: .*lock timeout"):
            ingest(ready, [event()])
    assert ingest(ready, [event()]).accepted == 1
