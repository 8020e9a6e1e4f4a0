"""What is quoted is followed to the invoice, beside a twin in which it was not done.

A twin of the whole database is kept from just before the act. Nothing else happens in either; both
close what is due, by the workflows that bill. What the one was billed more is what was quoted.
"""

from collections import Counter
from datetime import datetime, timedelta
from random import Random
from typing import Any

from tests.conftest import raw_connection
from tests.workflows.quoted_lives import Doing, Life, quote_something

from tallygate.adapters.store import Store, invoices, open_store, subscriptions
from tallygate.core.errors import Refused
from tallygate.core.ids import IdSource
from tallygate.invoicing.model import Invoice
from tallygate.subscriptions.calendar import due
from tallygate.subscriptions.life import begin
from tallygate.testing import FrozenClock, repeatable_bits
from tallygate.workflows.begin import enter
from tallygate.workflows.close import close_due
from tallygate.workflows.contracts import latest
from tallygate.workflows.installation import Installation
from tallygate.workflows.questions.estimate import Difference, Estimate

DELAY = timedelta(minutes=30)


class Mismatch(AssertionError):
    """What was quoted is not what was invoiced."""


class Stage:
    """Three stores in memory, for a life and its twins, that are used again for every life."""

    def __init__(self, empty: Store) -> None:
        self._empty = raw_connection(empty)
        self._stores = [open_store("sqlite://") for _ in range(3)]

    def close(self) -> None:
        for store in self._stores:
            store.close()

    def life(self, seed: int, **more: Any) -> Life:
        """A life that has not begun; `more` are fields of it."""
        clock = FrozenClock()
        store = self._stores[0]
        self._empty.backup(raw_connection(store))
        here = Installation(store, clock, IdSource(clock, repeatable_bits(str(seed))))
        chance = Random(seed)  # noqa: S311 a life, not a secret
        return Life(here, clock, chance, **more)

    def twins(self, life: Life) -> tuple[Installation, Installation]:
        """The same installation twice more, each with a clock of its own."""
        found = []
        for store in self._stores[1:]:
            raw_connection(life.here.store).backup(raw_connection(store))
            clock = FrozenClock(life.here.now)
            bits = repeatable_bits(f"twin {life.here.now}")
            found.append(Installation(store, clock, IdSource(clock, bits)))
        without, with_ = found
        return without, with_


def compare(stage: Stage, life: Life, estimate: Estimate, act: Doing) -> None:
    """Do it in a twin, follow both to the invoice, and look at what differs.

    Raises:
        Mismatch: it is not what was quoted.
    """
    account = estimate.payer.account.id
    without, with_ = stage.twins(life)
    act(with_, estimate.at)
    anew = estimate.payer.begins and estimate.payer.subscription is None
    if anew and estimate.act != "change_plan":
        _begin(with_, account, estimate)
    until = _follow_until(with_, without, account, estimate)
    before, after = (_billed(one, account, until) for one in (without, with_))
    charge = estimate.first_charge
    quoted = 0 if charge is None else charge.amount
    more = sum(one.total for one in after) - sum(one.total for one in before)
    if more != quoted:
        raise Mismatch(f"{estimate.act} at {estimate.at}: quoted {quoted}, invoiced {more}")
    lines = _lines(after)
    lines.subtract(_lines(before))
    wanted = Counter() if charge is None else _quoted(charge.differences)
    if {k: v for k, v in lines.items() if v} != {k: v for k, v in wanted.items() if v}:
        raise Mismatch(f"{estimate.act} at {estimate.at}: quoted {wanted}, invoiced {lines}")
    if anew and estimate.act == "change_plan":
        _compare_beginning(without, with_, estimate)
    elif _is_plain_month(life, estimate):
        if anew:
            _begin(without, account, estimate)  # what was there already is billed then, too
        _compare_month(without, with_, estimate)
    if estimate.at >= life.clock.now() - DELAY:
        _compare_others(life, without, with_, estimate)


def _compare_others(
    life: Life, without: Installation, with_: Installation, estimate: Estimate
) -> None:
    """Nobody else is charged for it; of the past, another account may have paid for a while."""
    for account in life.accounts:
        if account == estimate.payer.account.id:
            continue
        totals = []
        for one in (without, with_):
            found = _billed(one, account, one.now)
            totals.append([(invoice.dated, invoice.total) for invoice in found])
        if totals[0] != totals[1]:
            raise Mismatch(f"{estimate.act} at {estimate.at}: {account} pays, too: {totals}")


def _is_plain_month(life: Life, estimate: Estimate) -> bool:
    """Whether the month is invoiced as it is estimated: no year, no coupon that holds once."""
    if estimate.act == "change_plan" or estimate.at < life.clock.now() - DELAY:
        return False
    with life.here.store.read() as tx:
        found = subscriptions.of_account(tx, estimate.payer.account.id)
    once = any(r.coupon == "ONCE" and r.spent_by is None for s in found for r in s.redemptions)
    return not once and all(p.interval == "month" for s in found for p in s.phases)


def _compare_month(without: Installation, with_: Installation, estimate: Estimate) -> None:
    """Go on to the end of the first whole month: its invoice has more what was estimated."""
    month, account = estimate.monthly, estimate.payer.account.id
    assert month is not None, "nothing ends in these lives"
    totals = []
    for one in (without, with_):
        assert isinstance(one.clock, FrozenClock)
        one.clock.set(max(month.period.end + DELAY, one.now))
        close_due(one)
        found = _billed(one, account, month.period.end)
        totals.append(sum(i.total for i in found if i.dated == month.period.end))
    if totals[1] - totals[0] != month.amount:
        raise Mismatch(
            f"{estimate.act} at {estimate.at}: estimated {month.amount} for {month.period}, "
            f"invoiced {totals[1] - totals[0]}"
        )


def _compare_beginning(without: Installation, with_: Installation, estimate: Estimate) -> None:
    """Go on to the end of the first whole month of a plan: it is invoiced as it was estimated.

    A year is billed once, and estimated by twelfths.
    """
    month, account = estimate.monthly, estimate.payer.account.id
    assert month is not None, "a plan goes on"
    for one in (without, with_):
        assert isinstance(one.clock, FrozenClock)
        one.clock.set(max(month.period.end + DELAY, one.now))
        close_due(one)
    wanted = {(one.line.price, one.line.kind): one.after for one in month.differences}
    found = Counter[tuple[str, str]]()
    for invoice in _billed(with_, account, month.period.end):
        for line in invoice.lines:
            if invoice.dated == month.period.end:
                found[line.price, line.kind] += line.net
    if estimate.payer.plan == "base" and ("base_monthly", "flat") not in wanted:
        assert wanted.pop(("base_annual", "flat")) in {842, 925}, "a twelfth of 101.00, or 111.00"
    if {k: v for k, v in found.items() if v} != {k: v for k, v in wanted.items() if v}:
        raise Mismatch(
            f"{estimate.payer.plan} at {estimate.at}: estimated {wanted} for {month.period}, "
            f"invoiced {found}"
        )


def _begin(to: Installation, account: str, estimate: Estimate) -> None:
    """Let an account without a subscription begin one that costs nothing, with its resources."""
    with to.store.write() as tx:
        version, catalog = latest(tx)
        begun = begin(
            id=to.ids.new("sub"),
            organization=estimate.organization,
            billing_account=account,
            currency=estimate.payer.currency,
            plan=catalog.plans["free"],
            interval="month",
            catalog_version=version,
            at=estimate.at,
        )
        enter(tx, to, begun)


def _follow_until(
    with_: Installation, without: Installation, account: str, estimate: Estimate
) -> datetime:
    """Let both go on to the date of the charge, or through a boundary; gives that date."""
    charge = estimate.first_charge
    if charge is None:
        with with_.store.read() as tx:
            found = [due(one) for one in subscriptions.of_account(tx, account)]
        until = max([at for at in found if at is not None], default=estimate.at)
    else:
        until = charge.dated
    for one in (with_, without):
        assert isinstance(one.clock, FrozenClock)
        one.clock.set(max(until + DELAY, one.now))
        close_due(one)
    return until


def _billed(here: Installation, account: str, until: datetime) -> list[Invoice]:
    with here.store.read() as tx:
        found = invoices.newest(tx, account, 1000)
    return [one for one in found if one.dated <= until]


def _lines(found: list[Invoice]) -> Counter[tuple[str, str]]:
    lines: Counter[tuple[str, str]] = Counter()
    for invoice in found:
        for line in invoice.lines:
            lines[line.price, str(line.period)] += line.net
    return lines


def _quoted(differences: tuple[Difference, ...]) -> Counter[tuple[str, str]]:
    lines: Counter[tuple[str, str]] = Counter()
    for one in differences:
        lines[one.line.price, str(one.line.period)] += one.more
    return lines


def play(stage: Stage, seed: int, acts: int = 6, **more: Any) -> Counter[str]:
    """A whole life, with `more` of its fields; gives how often which kind of act was compared.

    Raises:
        Mismatch: something was quoted that was not invoiced.
    """
    life = stage.life(seed, **more)
    life.begin()
    for _ in range(acts):
        for _ in range(life.chance.randrange(4)):
            life.live()
        life.pass_time()
        try:
            found = quote_something(life)
        except Refused as refusal:
            life.compared[f"refused: {refusal}"[:60]] += 1
            continue
        if found is None:
            continue
        estimate, act = found
        compare(stage, life, estimate, act)
        told: list[str] = [estimate.act]
        told += ["begins"] if estimate.payer.begins else []
        told += ["late"] if estimate.at < life.clock.now() - timedelta(days=1) else []
        told += ["moved"] if life.moved else []
        told += ["before a move"] if any("moved to" in note for note in estimate.notes) else []
        told += ["nothing"] if estimate.first_charge is None else []
        life.compared[" ".join(told)] += 1
        if life.chance.random() < 0.7:
            act(life.here, estimate.at)
    return life.compared
