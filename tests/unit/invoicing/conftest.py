"""A subscription's life in memory: a diary of usage, and the pure functions that bill it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from tallygate.accounts.payers import Stretch
from tallygate.catalog import read_catalog
from tallygate.catalog.model import Meter
from tallygate.core.period import Period, to_micros
from tallygate.core.quantity import round_to
from tallygate.invoicing.adjustment import late_lines
from tallygate.invoicing.assemble import (
    after_close,
    change_invoice,
    close_invoice,
    first_invoice,
    spend,
)
from tallygate.invoicing.contract import Contract, Counts, Handover, Types
from tallygate.invoicing.model import Invoice
from tallygate.metering.fold import fold
from tallygate.metering.reading import Reading
from tallygate.subscriptions.calendar import phase_at
from tallygate.subscriptions.change import cancel, change_plan, is_upgrade
from tallygate.subscriptions.life import begin
from tallygate.subscriptions.model import Redemption

AGES = timedelta(days=4000)


@dataclass
class Diary:
    """A `Usage` that remembers readings, resources and members."""

    readings: dict[str, list[Reading]] = field(default_factory=dict)
    resources: list[tuple[str, Period]] = field(default_factory=list)
    people: list[Period] = field(default_factory=list)
    handed: list[Handover] = field(default_factory=list)
    asked: int = 0

    def note(self, meter: str, at: datetime, value: str, who: str = "acct") -> None:
        kept = self.readings.setdefault(meter, [])
        kept.append(Reading((who,), to_micros(at), f"test {len(kept)}", Decimal(value)))

    def measured(self, meter: Meter, part: Period, whole: Period, types: Types | None) -> Decimal:
        self.asked += 1
        readings = self.readings.get(meter.key, [])
        stretches = [Stretch(who, part) for who in sorted({r.series[0] for r in readings})]
        exact = fold(meter, readings, stretches, part, whole=whole)
        return round_to(exact, meter.base_unit, meter.rounding)

    def counts(self, types: Types | None, part: Period) -> Counts:
        chosen = [span for kind, span in self.resources if types is None or kind in types]
        return counted(chosen, part)

    def members(self, part: Period) -> Counts:
        return counted(self.people, part)

    def types(self, part: Period) -> Types:
        return frozenset(kind for kind, span in self.resources if span.overlap(part))

    def came_late(self, meter: Meter, part: Period, position: int) -> bool:
        return True

    def handovers(self, types: Types | None, part: Period) -> list[Handover]:
        return self.handed

    def lives_changed(self, part: Period, position: int) -> bool:
        return True


def counted(spans: Sequence[Period], part: Period) -> Counts:
    """Counted anew at every instant at which anything changes."""
    edges = {part.start, part.end}
    for span in spans:
        edges |= {edge for edge in (span.start, span.end) if edge in part}
    cuts = sorted(edges)
    return [
        (sum(a in span for span in spans), to_micros(a), to_micros(b)) for a, b in pairwise(cuts)
    ]


class Life:
    """A subscription that is used, changed and billed."""

    def __init__(self, text: str, plan: str, start: datetime, **terms: Any) -> None:
        self.catalogs = {1: read_catalog(text)}
        self.diary = Diary()
        self.clock = start
        wanted = self.catalogs[1].plans[plan]
        coupons = terms.pop("coupons", ())
        subscription = begin(
            id="sub_1",
            organization="org_1",
            billing_account="bil_1",
            currency=terms.pop("currency", self.catalogs[1].currencies[0]),
            plan=wanted,
            interval=terms.pop("interval", "month"),
            catalog_version=1,
            at=start,
            redemptions=tuple(Redemption(key, start, None, 1) for key in coupons),
            **terms,
        )
        self.contract = Contract(subscription, self.catalogs, self.diary)

    @property
    def invoices(self) -> tuple[Invoice, ...]:
        return self.contract.billed

    @property
    def total(self) -> int:
        return sum(invoice.total for invoice in self.invoices)

    def begin(self) -> Invoice | None:
        """The invoice of subscribing; call it when what exists at the start is noted."""
        return self._keep(first_invoice(self.contract, 0))

    def preview(self) -> Invoice | None:
        lines = late_lines(self.contract, self.clock - AGES)
        return close_invoice(self.contract, lines, 0)

    def close(self) -> Invoice | None:
        invoice = self.preview()
        subscription = after_close(self.contract.subscription, None)
        self.contract = replace(self.contract, subscription=subscription)
        return self._keep(invoice)

    def late(self) -> list[Any]:
        return late_lines(self.contract, self.clock - AGES)

    def change(self, plan: str, at: datetime, **more: Any) -> Invoice | None:
        subscription = self.contract.subscription
        catalog = self.catalogs[1]
        phase = phase_at(subscription, at)
        current, wanted = catalog.plans[phase.plan], catalog.plans[plan]
        interval = more.pop("interval", phase.interval)
        dearer = is_upgrade(subscription, current, wanted, interval, at)
        changed = change_plan(
            subscription, current, wanted, at, interval=interval, catalog_version=1, **more
        )
        upgrade = changed.phases[-1].since == at and dearer
        self.contract = replace(self.contract, subscription=changed)
        return self._keep(change_invoice(self.contract, at, 0)) if upgrade else None

    def cancel(self, at: datetime, **more: Any) -> None:
        ended = cancel(self.contract.subscription, at, **more)
        self.contract = replace(self.contract, subscription=ended)

    def _keep(self, invoice: Invoice | None) -> Invoice | None:
        if invoice is None:
            return None
        number = len(self.invoices) + 1
        invoice = replace(invoice, id=f"inv_{number}", number=number)
        self.contract = replace(
            self.contract,
            subscription=spend(self.contract.subscription, invoice),
            billed=(*self.invoices, invoice),
        )
        return invoice


@pytest.fixture(scope="session")
def live() -> type[Life]:
    """Begins a life: `live(catalog, plan, start, interval=..., coupons=...)`."""
    return Life


@pytest.fixture
def amounts() -> Any:
    """What an invoice says, shortly: (price, kind, net amount) of each line."""

    def told(invoice: Invoice | None) -> list[tuple[str, str, int]]:
        assert invoice is not None, "there is an invoice"
        assert invoice.total == sum(line.net for line in invoice.lines)
        return [(line.price, line.kind, line.net) for line in invoice.lines]

    return told
