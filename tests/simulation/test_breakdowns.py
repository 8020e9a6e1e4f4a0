"""Whatever happens in an organization, the parts of its invoices are what they should be.

Forty lives are lived, or as many as `--breakdowns` says. Each of a few groupings of every invoice
is compared with the oracle: the exact share of every part, its whole minor units, and their sum.
"""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import combinations
from random import Random
from typing import Any

import pytest
from tests.simulation.breakdown_life import World, lived
from tests.simulation.breakdown_oracle import Oracle, rounded

from tallygate.adapters.store import stretches
from tallygate.invoicing import breakdown as module
from tallygate.invoicing import spreading
from tallygate.invoicing.breakdown import Dimension, Part
from tallygate.invoicing.model import Invoice
from tallygate.invoicing.spreading import Spreader
from tallygate.rating.line import Line
from tallygate.workflows.questions import contexts, weights
from tallygate.workflows.questions.breakdown import DIMENSIONS, Asked, of_invoice, of_open_period
from tallygate.workflows.questions.preview import preview
from tallygate.workflows.questions.weights import StoredWeights

GROUPINGS: tuple[tuple[Dimension, ...], ...] = (
    *((one,) for one in DIMENSIONS),
    *combinations(DIMENSIONS, 2),
)
AT_ONCE = 4
Key = tuple[str | None, str | None, str | None, int | None]
Expected = dict[Key, tuple[int, Fraction]]


def test_the_parts_of_every_invoice_are_what_they_should_be(
    sqlite_image: bytes, breakdown_seed: int
) -> None:
    with lived(sqlite_image, breakdown_seed) as world:
        assert differences(world, breakdown_seed) == []


def differences(world: World, seed: int) -> list[str]:
    """In what the invoices' parts, and the previews', differ from what they should be."""
    draw = Random(seed)  # noqa: S311 a life is repeatable
    found: list[str] = []
    before: list[Invoice] = []
    for invoice in world.invoices():
        own = [one for one in before if one.billing_account == invoice.billing_account]
        oracle = Oracle(world.facts, invoice, own)
        for by in draw.sample(GROUPINGS, AT_ONCE):
            told = of_invoice(world.here, invoice.id, Asked(by))
            found += compared(world, oracle, [row.part for row in told.rows], by)
        before.append(invoice)
    for account in world.accounts:
        if not world.is_live(account):
            continue
        by = draw.choice(GROUPINGS)
        told = of_open_period(world.here, account, Asked(by))
        foreseen = preview(world.here, account)
        assert told.invoice == foreseen
        if told.amount != foreseen.total:
            found.append(f"{account} by {by}: {told.amount}, not {foreseen.total}")
        own = [one for one in before if one.billing_account == account]
        parts = [row.part for row in told.rows]
        found += compared(world, Oracle(world.facts, foreseen, own), parts, by)
    return found


def compared(
    world: World, oracle: Oracle, parts: list[Part], by: tuple[Dimension, ...]
) -> list[str]:
    invoice = oracle.invoice
    found = {(p.project, p.resource, p.price, p.day): (p.amount, p.exact) for p in parts}
    wanted = expected(world, oracle, by)
    who = f"invoice {invoice.number} by {by}"
    told = [
        f"{who}: {key} is {found.get(key)}, and should be {wanted.get(key)}"
        for key in sorted({*found, *wanted}, key=str)
        if found.get(key) != wanted.get(key)
    ]
    if sum(amount for amount, _ in found.values()) != invoice.total:
        told.append(f"{who}: the parts do not sum to {invoice.total}")
    if sum((part.rounding for part in parts), Fraction(0)):
        told.append(f"{who}: the roundings do not sum to zero")
    return told


def expected(world: World, oracle: Oracle, by: tuple[Dimension, ...]) -> Expected:
    """What each part should be: its amount, and what it would be exactly."""
    found: dict[Key, tuple[int, Fraction]] = {}
    for line in oracle.invoice.lines:
        price = line.price if "meter" in by else None
        if not line.net:
            if by == ("meter",):
                found.setdefault((None, None, price, None), (0, Fraction(0)))
            continue
        for (project, resource, day), (amount, exact) in _of_line(world, oracle, line, by).items():
            key = (project, resource, price, day)
            known = found.get(key, (0, Fraction(0)))
            found[key] = (known[0] + amount, known[1] + exact)
    return found


def _of_line(
    world: World, oracle: Oracle, line: Line, by: tuple[Dimension, ...]
) -> dict[tuple[str | None, str | None, int | None], tuple[int, Fraction]]:
    group, project_of = _grouping(world, by), _grouping(world, ("project",))
    sign = -1 if line.net < 0 else 1
    shares = oracle.exact(line, group)
    amounts: dict[str, int] = {}
    if "resource" in by:
        projects: dict[str, Fraction] = {}
        for name, share in shares.items():
            projects[project_of(name)] = projects.get(project_of(name), Fraction(0)) + share
        for project, amount in rounded(line.net, projects, sign).items():
            inside = {n: share for n, share in shares.items() if project_of(n) == project}
            amounts |= rounded(amount, inside, sign)
    else:
        amounts = rounded(line.net, shares, sign)
    daily = oracle.by_day(line, group) if "day" in by else {}
    found: dict[tuple[str | None, str | None, int | None], tuple[int, Fraction]] = {}
    for name, amount in amounts.items():
        key = (
            project_of(name) if "project" in by else None,
            name if "resource" in by else None,
        )
        if "day" not in by:
            if shares[name]:
                found[*key, None] = (amount, shares[name])
            continue
        days = {day: share for (who, day), share in daily.items() if who == name}
        for day, part in rounded(amount, days, sign).items():
            found[*key, day] = (part, days[day])
    return found


def _grouping(world: World, by: tuple[Dimension, ...]) -> Callable[[str], str]:
    if "resource" in by:
        return lambda subject: subject
    if "project" in by:
        return lambda subject: world.facts.home.get(subject, subject)
    return lambda _subject: ""


def found_in(image: bytes, seeds: tuple[int, ...]) -> list[str]:
    """What the comparison finds in the first of some lives in which it finds something."""
    found: list[str] = []
    for seed in seeds:
        with lived(image, seed) as world:
            try:
                found += differences(world, seed)
            except AssertionError as refused:
                found.append(f"refused: {refused}")
        if found:
            return found
    return found


def _late_counts_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What came late weighs in the invoice that it came too late for."""
    original = StoredWeights.measured

    def measured(self: StoredWeights, meter: Any, part: Any, types: Any, known: Any) -> Any:
        del known
        return original(self, meter, part, types, None)

    monkeypatch.setattr(StoredWeights, "measured", measured)


def _payers_are_mixed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A project's whole time counts, whoever paid for it."""
    original = stretches.paid_and_projects

    def mixed(tx: Any, account: str, period: Any) -> Any:
        found, project_of = original(tx, account, period)
        return dict.fromkeys(found, (period,)), project_of

    monkeypatch.setattr(weights, "paid_and_projects", mixed)


def _minimum_is_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreading, "_added_by_minimum", lambda _line: Fraction(0))


def _advance_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a counted price owes is not told from what was billed in advance."""
    monkeypatch.setattr(contexts, "_is_advance", lambda *_: False)


def _remainders_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """The remainder goes to whoever comes first, and not to the largest."""

    def met(total: int, numerators: dict[Any, int], over: int) -> dict[Any, int]:
        found = {key: numerator // over for key, numerator in numerators.items()}
        for key in list(found)[: total - sum(found.values())]:
            found[key] += 1
        return found

    monkeypatch.setattr(module, "_met", met)


def _days_are_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StoredWeights, "measured_days", lambda *_: {})


def _discounts_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    original = Spreader.charged

    def charged(self: Spreader, line: Line, context: Any) -> Any:
        return original(self, replace(line, discounts=()), context)

    monkeypatch.setattr(Spreader, "charged", charged)


@pytest.mark.parametrize(
    "plant",
    [
        _late_counts_at_once,
        _payers_are_mixed,
        _minimum_is_shared,
        _advance_is_forgotten,
        _remainders_go_first,
        _days_are_alike,
        _discounts_are_forgotten,
    ],
)
def test_a_planted_defect_is_found(
    plant: Callable[[pytest.MonkeyPatch], None],
    monkeypatch: pytest.MonkeyPatch,
    sqlite_image: bytes,
) -> None:
    plant(monkeypatch)
    assert found_in(sqlite_image, (0, 1, 2, 3, 4, 5))
