"""The number quoted is the number invoiced: lives of chance, and defects that they find.

    pytest tests/workflows/test_quoted_lives.py

A failure names the seed of its life: `play(stage, seed)` plays it again.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.workflows.quoted_twins import Mismatch, Stage, play

from tallygate.accounts.life import LifeEvent, fold_life
from tallygate.accounts.model import Resource
from tallygate.adapters.store import Store
from tallygate.catalog.model import Meter
from tallygate.core.period import Period
from tallygate.invoicing.assemble import first_invoice
from tallygate.invoicing.contract import Contract, Types
from tallygate.invoicing.model import Invoice
from tallygate.subscriptions.life import begin
from tallygate.subscriptions.model import Subscription
from tallygate.workflows.contracts import Closing, closing_with
from tallygate.workflows.questions.supposed import SupposedLife, SupposedUsage
from tallygate.workflows.usage_known import StoredUsage

LIVES = 5
MOVING = (3, 8, 12, 18)
"""Lives in which projects move, and all that can be quoted of one that has moved is."""
BEGINNING = 4
BARE: dict[str, Any] = {"bare": 0.9, "kinds": ("plan",)}
"""Lives in which accounts begin on a plan, with the resources that they have by then."""

MOST = 40
"""So many lives are played at most until a planted defect shows."""


@pytest.fixture
def stage(sqlite_store: Store) -> Iterator[Stage]:
    found = Stage(sqlite_store)
    yield found
    found.close()


def test_what_is_quoted_is_what_is_invoiced(stage: Stage) -> None:
    compared: Counter[str] = Counter()
    for seed in range(LIVES):
        compared += play(stage, seed)
    kinds = {told.split()[0] for told in compared}
    assert {"create", "resize", "delete", "change_plan"} <= kinds, compared
    assert any("begins" in told for told in compared), compared
    assert any("late" in told for told in compared), compared


def test_what_is_quoted_is_what_is_invoiced_where_projects_move(stage: Stage) -> None:
    compared: Counter[str] = Counter()
    for seed in MOVING:
        compared += play(stage, seed, moves=True)
    kinds = {told.split()[0] for told in compared if "moved" in told}
    assert {"create", "resize", "delete"} <= kinds, compared
    assert any("before a move" in told for told in compared), compared


def test_a_plan_that_begins_is_invoiced_as_it_is_quoted(stage: Stage) -> None:
    compared: Counter[str] = Counter()
    for seed in range(BEGINNING):
        compared += play(stage, seed, **BARE)
    assert sum(n for told, n in compared.items() if "begins" in told) >= BEGINNING, compared


def _life_later(resource: Resource, events: Iterable[LifeEvent], at: datetime) -> SupposedLife:
    """The life begins, or changes, an hour after the instant that is quoted for."""
    moved = [replace(e, at=e.at + timedelta(hours=1)) if e.at == at else e for e in events]
    return SupposedLife(resource.id, resource.project, at, fold_life(resource.id, moved))


def _without_advance(*given: Any) -> Closing:
    """What is billed in advance at the boundary is forgotten."""
    found = closing_with(*given)
    if found.invoice is None:
        return found
    kept = tuple(x for x in found.invoice.lines if x.period.start < found.invoice.dated)
    return found._replace(invoice=replace(found.invoice, lines=kept))


def _without_coupons(*given: Any) -> Closing:
    """Coupons are forgotten."""
    found = closing_with(*given)
    if found.invoice is None:
        return found
    gross = tuple(replace(line, discounts=()) for line in found.invoice.lines)
    return found._replace(invoice=replace(found.invoice, lines=gross))


def _so_far(
    self: SupposedUsage, meter: Meter, part: Period, whole: Period, types: Types | None
) -> Decimal:
    """Nothing is used from now on."""
    return StoredUsage.measured(self, meter, replace(part, end=part.start), whole, types)


PLANTED: dict[str, tuple[str, Any]] = {
    "an hour late": ("quote_resource._life", _life_later),
    "no advance": ("estimate.closing_with", _without_advance),
    "no coupons": ("estimate.closing_with", _without_coupons),
    "no adjustments": ("estimate.late_lines", lambda *_: []),
    "the organization pays": ("quote_resource.payer_at", lambda _, own, __: own.billing_account),
    "the old calendar": ("quote_terms._begins", lambda *_: False),
    "usage so far": ("supposed.SupposedUsage.measured", _so_far),
    "no supposition": ("supposed.SupposedUsage.supposing", lambda self, _: self),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_defect_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    place, defect = PLANTED[name]
    monkeypatch.setattr(f"tallygate.workflows.questions.{place}", defect)
    with pytest.raises(Mismatch):
        _play_many(stage)


def _without_trial(**terms: Any) -> Subscription:
    """A plan begins without its trial."""
    return begin(**{**terms, "trial_days": 0})


def _flats_alone(contract: Contract, position: int) -> Invoice | None:
    """What is there already is not billed in advance."""
    found = first_invoice(contract, position)
    if found is None:
        return None
    return replace(found, lines=tuple(line for line in found.lines if line.kind == "flat"))


PLANTED_BEGINNING: dict[str, tuple[str, Any]] = {
    "no trial": ("quote_plan.begin", _without_trial),
    "flats alone": ("quote_plan.first_invoice", _flats_alone),
    "a month without resources": ("estimate.counted_in_advance", lambda *_: []),
    "a month without usage": ("estimate.metered_lines", lambda *_, **__: []),
}


@pytest.mark.parametrize("name", PLANTED_BEGINNING)
def test_a_defect_planted_into_a_beginning_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    place, defect = PLANTED_BEGINNING[name]
    monkeypatch.setattr(f"tallygate.workflows.questions.{place}", defect)
    with pytest.raises(Mismatch):
        _play_many(stage, **BARE)


def _play_many(stage: Stage, **more: Any) -> None:
    for seed in range(MOST):
        play(stage, seed, **more)
