"""What do metered prices come to for a period that is over?

One line for each price and for each part of the period that was on one plan, which is measured
for itself. A part's allowance, minimum and maximum are in proportion to its seconds; a level is
rated whole, and its amount taken in that proportion. An end keeps allowances whole, unless what
was paid in advance is given back.
"""

from collections.abc import Mapping
from dataclasses import replace

from tallygate.core.period import Period
from tallygate.invoicing.contract import Contract, offers
from tallygate.invoicing.flats import free
from tallygate.invoicing.handovers import handover_note
from tallygate.rating.line import Line
from tallygate.rating.rate import rate_metered
from tallygate.subscriptions.calendar import in_trial, phases_in, whole_period

Settled = Mapping[tuple[str, Period], Line]
"""Lines, by price and period, that are known not to have changed."""


def metered_lines(
    contract: Contract, window: Period, *, ending: bool, settled: Settled | None = None
) -> list[Line]:
    """The metered lines of a window; of 0 too. What is settled is not measured again."""
    subscription, usage = contract.subscription, contract.usage
    whole = whole_period(subscription, window.start)
    keeps_whole = ending and not subscription.refund
    lines = []
    for phase, part in phases_in(subscription, window):
        reach = whole.end if keeps_whole and part.end == window.end else part.end
        share = Period(part.start, reach).share_of(whole)
        types = usage.types(part)
        for price, version, of_types in offers(contract, phase, types, window.start):
            if price.meter is None:
                continue
            if settled is not None and (price.key, part) in settled:
                lines.append(settled[price.key, part])
                continue
            meter = contract.catalogs[version].meters[price.meter]
            measured = usage.measured(meter, part, whole, of_types)
            line = rate_metered(
                price,
                contract.currency,
                measured,
                part,
                share=share,
                level=meter.is_level,
                unit=meter.unit,
            )
            note = handover_note(contract, of_types, part) if measured else ""
            line = replace(line, catalog_version=version, note=note)
            lines.append(free(line) if in_trial(subscription, part.start) else line)
    return lines
