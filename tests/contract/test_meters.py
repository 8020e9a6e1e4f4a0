"""Does every usage log give the fold's numbers? Random lives, on a list and on both databases.

Each life is a tenant of its own, in one database beside the others. Its events are sent as a
platform would: in batches, in disorder, some twice, and again where they were rejected. In half of
the lives' databases the meters come into force in the middle, so that their sums are made from the
log.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from random import Random

import pytest
from tests.contract.meter_lives import CATALOG_TEXT, EPOCH, METERS, Life, Sent, live
from tests.unit.metering.listed_log import ListedLog

from tallygate.accounts.model import BillingAccount, Organization, Project, ResourceState
from tallygate.adapters.store import Transaction, accounts
from tallygate.adapters.store.usage_log import StoreLog
from tallygate.catalog.model import Meter
from tallygate.core.period import Period
from tallygate.core.quantity import round_to
from tallygate.metering.cell import Cell
from tallygate.metering.daily import daily, readings_behind, states_behind
from tallygate.metering.fold import fold
from tallygate.metering.log import UsageLog
from tallygate.metering.measure import measure, measure_by_subject, measure_exactly
from tallygate.metering.reading import Reading
from tallygate.metering.windows import Absence, Windows
from tallygate.testing import FrozenClock
from tallygate.workflows.ingest import Incoming, ingest
from tallygate.workflows.installation import Installation
from tallygate.workflows.publish import apply

SEEDS = tuple(range(1, 9))
RESOURCES = ("res_a", "res_b", "res_c")
ROUNDS = 8


def all_agree(lives: Iterable[Life], log: UsageLog) -> None:
    for life in lives:
        agree(life, log)


def agree(life: Life, log: UsageLog) -> None:
    """Every meter, for every payer: the log's number is the fold's, and so is all beside it."""
    listed = listed_log(life)
    for meter in METERS:
        readings = life.readings(meter)
        asked_for = f"life {life.seed}, meter {meter.key}"
        for stretches in life.payers:
            asked = (meter, stretches, life.period)
            exact = measure_exactly(*asked, log, whole=life.whole)
            defined = fold(
                meter,
                readings,
                stretches,
                life.period,
                states=life.states,
                absences=life.absences,
                whole=life.whole,
            )
            assert exact == defined, asked_for
            rounded = measure(*asked, log, whole=life.whole)
            assert rounded == round_to(defined, meter.base_unit, meter.rounding)
            by_subject = measure_by_subject(*asked, log, whole=life.whole)
            assert by_subject == measure_by_subject(*asked, listed, whole=life.whole), asked_for
            days = daily(*asked, log, whole=life.whole)
            assert days == daily(*asked, listed, whole=life.whole), asked_for
            if meter.reads_resources:
                behind = joined(states_behind(*asked, log), life.period)
                assert behind == joined(states_behind(*asked, listed), life.period), asked_for
            else:
                found = sorted(readings_behind(*asked, log), key=_order)
                assert found == sorted(readings_behind(*asked, listed), key=_order), asked_for


def joined(states: Iterable[ResourceState], period: Period) -> list[ResourceState]:
    """States cut to the period, and joined where nothing changed from one to the next."""
    found: list[ResourceState] = []
    for state in sorted(states, key=lambda state: (state.resource, state.since)):
        until = period.end if state.until is None else min(state.until, period.end)
        cut = replace(state, since=max(state.since, period.start), until=until)
        if found and replace(found[-1], since=cut.since, until=until) == cut:
            found[-1] = replace(found[-1], until=until)
        else:
            found.append(cut)
    return found


def _order(reading: Reading) -> tuple[tuple[str, ...], int, str]:
    return reading.series, reading.micros, reading.id


def listed_log(life: Life) -> ListedLog:
    by_meter = {meter.key: life.readings(meter) for meter in METERS}
    return ListedLog(by_meter, life.states, life.absences)


def settle_in(installation: Installation, seed: int) -> dict[str, str]:
    """Make the tenant of a life; gives the names of its subjects, without its resources."""
    names = {"org": f"org_{seed}", "prj": f"prj_{seed}", "bil": f"bil_{seed}"}
    org, bil = names["org"], names["bil"]
    with installation.store.write() as tx:
        accounts.save_organization(tx, Organization(org, "A life", bil, EPOCH))
        accounts.save_billing_account(tx, BillingAccount(bil, org, "A payer", EPOCH))
        accounts.save_project(tx, Project(names["prj"], org, "A project", EPOCH))
    return names


def send(
    installation: Installation, life: Life, tenant: str, waiting: list[Incoming]
) -> list[Incoming]:
    """Send events in batches of random sizes, and what was rejected again; gives what is left."""
    chance = Random(life.seed)  # noqa: S311  # replayed by its seed
    for _ in range(ROUNDS):
        kept: list[Incoming] = []
        while waiting:
            size = chance.choice((1, 7, 40))
            batch, waiting = waiting[:size], waiting[size:]
            verdicts = ingest(installation, batch, tenant)
            assert not verdicts.conflicts, verdicts.conflicts
            kept.extend(batch[refusal.index] for refusal in verdicts.rejected)
            answered = verdicts.accepted + verdicts.duplicates + len(verdicts.rejected)
            assert answered == len(batch)
        waiting = kept
    return waiting


def incoming(sent: Sent) -> Incoming:
    return Incoming(sent.id, sent.source, sent.type, sent.subject, sent.time, dict(sent.fields))


def named(tx: Transaction, life: Life, names: dict[str, str]) -> Life:
    """The life in our own ids, as its tenant's subjects were resolved."""
    found = {who: accounts.resolve_subject(tx, who, names["org"]).id for who in RESOURCES}
    return life.renamed({**names, **found})


@pytest.mark.parametrize("seed", SEEDS)
def test_a_list_gives_the_folds_numbers(seed: int) -> None:
    life = live(seed)
    agree(life, listed_log(life))


@pytest.mark.parametrize("seeds", [SEEDS[:3], SEEDS[-3:]])
def test_a_store_gives_the_folds_numbers(
    each_installation: Installation, clock: FrozenClock, seeds: Sequence[int]
) -> None:
    lives = live_through(each_installation, clock, seeds, meters_first=seeds[0] == SEEDS[0])
    with each_installation.store.read() as tx:
        all_agree([named(tx, life, names) for life, names in lives], StoreLog(tx))


class Forgetful(StoreLog):
    """A planted defect: what a series had before a window is forgotten."""

    def last_before(self, *_: object) -> list[Reading]:
        return []


class Generous(StoreLog):
    """A planted defect: the hour before a window belongs to it, too."""

    def cells(
        self, meter: Meter, subjects: Sequence[str], first_hour: int, last_hour: int
    ) -> Iterable[tuple[tuple[str, ...], int, Cell]]:
        for series, hour, cell in super().cells(meter, subjects, first_hour - 1, last_hour):
            yield series, max(hour, first_hour), cell

    def amounts(
        self, meter: Meter, subjects: Sequence[str], first_hour: int, last_hour: int
    ) -> Iterator[tuple[str, int, Decimal]]:
        for subject, hour, amount in super().amounts(meter, subjects, first_hour - 1, last_hour):
            yield subject, max(hour, first_hour), amount


class Immortal(StoreLog):
    """A planted defect: a deleted resource goes on."""

    def absences(self, subjects: Sequence[str]) -> Mapping[str, Sequence[Absence]]:
        return {}


class Indifferent(StoreLog):
    """A planted defect: everybody has the subjects for the whole of the payers' time."""

    def distinct(self, meter: Meter, windows: Windows) -> int:
        spans = [span for found in windows.values() for span in found]
        start, end = min(span[0] for span in spans), max(span[1] for span in spans)
        return super().distinct(meter, dict.fromkeys(windows, ((start, end),)))


@pytest.mark.parametrize("defect", [Forgetful, Generous, Immortal, Indifferent])
def test_planted_defects_are_caught(
    installation: Installation, clock: FrozenClock, defect: type[StoreLog]
) -> None:
    lives = live_through(installation, clock, SEEDS[:3], meters_first=True)
    with installation.store.read() as tx:
        ours = [named(tx, life, names) for life, names in lives]
        with pytest.raises(AssertionError, match="life"):
            all_agree(ours, defect(tx))


def live_through(
    installation: Installation, clock: FrozenClock, seeds: Sequence[int], *, meters_first: bool
) -> list[tuple[Life, dict[str, str]]]:
    """Play lives beside each other, half of each before the others' second half."""
    clock.set(EPOCH + timedelta(days=60))
    apply(installation, CATALOG_TEXT if meters_first else without_meters(CATALOG_TEXT))
    lives = [(live(seed), settle_in(installation, seed)) for seed in seeds]
    kept: dict[int, list[Incoming]] = {}
    for part in (slice(None, 60), slice(60, None)):
        for life, names in lives:
            ours = life.renamed(names)
            waiting = kept.get(life.seed, []) + [incoming(sent) for sent in ours.arrivals[part]]
            kept[life.seed] = send(installation, life, names["org"], waiting)
        apply(installation, CATALOG_TEXT)
    assert not any(kept.values()), "a sender who keeps trying gets rid of every event"
    return lives


def without_meters(text: str) -> str:
    """The catalog before any meter was thought of."""
    before, rest = text.split("meters:\n")
    return f"{before}meters: {{}}\nplans:{rest.split('plans:')[1]}"
