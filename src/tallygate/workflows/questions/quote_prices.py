"""Which prices count for what is quoted, and what is left of what they include?"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from tallygate.accounts.model import ResourceState
from tallygate.catalog.model import Catalog
from tallygate.core.errors import Conflict, Invalid
from tallygate.core.period import Period
from tallygate.invoicing.contract import Contract, Offer, offers
from tallygate.invoicing.counted import INSTANT, counts_at
from tallygate.metering.states import held_by, lived
from tallygate.rating.described import describe
from tallygate.rating.rate import rate_metered
from tallygate.subscriptions.calendar import phase_at, phases_in, whole_period
from tallygate.workflows.questions.estimate import Allowance, Priced
from tallygate.workflows.questions.supposed import SupposedUsage


def offers_at(contract: Contract, at: datetime) -> tuple[Offer, ...]:
    """The prices that a contract has at an instant."""
    types = contract.usage.types(Period(at, at + INSTANT))
    start = whole_period(contract.subscription, at).start
    since = max(start, contract.subscription.started_at)
    return offers(contract, phase_at(contract.subscription, at), types, since)


def priced(contract: Contract, offer: Offer, currency: str) -> Priced:
    """A price with what it says in a currency.

    Raises:
        Conflict: it has no amount in this currency.
    """
    catalog, price = contract.catalogs[offer.catalog_version], offer.price
    unit = "" if price.meter is None else catalog.meters[price.meter].unit or price.meter
    try:
        said = describe(price, currency, unit)
    except Invalid:
        raise Conflict(
            f"The account that will be charged, {contract.subscription.billing_account}, pays in "
            f"{currency}, and the price {price.key} has no amount in {currency}: let an account "
            "with another currency pay, or add the amount to the catalog.",
            param="currency",
            code="currency_mismatch",
        ) from None
    return Priced(price, offer.catalog_version, unit, said)


def allowance_of(contract: Contract, offer: Offer, at: datetime) -> Allowance | None:
    """What of a price's allowance was used so far, and is left; None where it has none."""
    price, subscription = offer.price, contract.subscription
    if not price.included or price.kind == "flat":
        return None
    at = max(at, subscription.started_at)
    whole = whole_period(subscription, at)
    if price.meter is None:
        counts = {
            found.price.key: count
            for found, count in counts_at(contract, phase_at(subscription, at), at)
        }
        used = Decimal(counts.get(price.key, 0))
        left = max(price.included - used, Decimal(0))
        unit = price.count or "resources"
        return Allowance(price.key, None, unit, price.included, used, left, whole)
    assert isinstance(contract.usage, SupposedUsage), "it came from `contract_around`"
    start = max(whole.start, subscription.started_at)
    _, part = phases_in(subscription, Period(start, at + INSTANT))[-1]
    part = Period(part.start, at)
    meter = contract.catalogs[offer.catalog_version].meters[price.meter]
    usage = contract.usage.up_to(at)
    used = usage.measured(meter, part, whole, offer.types) if part.start < at else Decimal(0)
    share = Period(part.start, whole.end).share_of(whole)
    line = rate_metered(
        price,
        contract.currency,
        used,
        part,
        share=Fraction(1) if meter.is_level else share,
        unit=meter.unit,
    )
    left = max(line.included - used, Decimal(0))
    period = Period(part.start, whole.end)
    return Allowance(price.key, meter.key, meter.unit, line.included, used, left, period)


def touched(
    contracts: Iterable[Contract],
    types: frozenset[str],
    states: Iterable[ResourceState],
    at: datetime,
) -> tuple[Offer, ...]:
    """The prices of some resource types, and those whose meters read states of such resources."""
    found: dict[str, Offer] = {}
    known = list(states)
    for contract in contracts:
        catalog = catalog_at(contract, at)
        named = {catalog.resources[key].price for key in types if key in catalog.resources}
        for offer in offers_at(contract, at):
            mine = offer.types is not None and not types.isdisjoint(offer.types)
            if mine or offer.price.key in named or _reads(contract, offer, known):
                found.setdefault(offer.price.key, offer)
    return tuple(found.values())


def _reads(contract: Contract, offer: Offer, states: Iterable[ResourceState]) -> bool:
    """Whether a price is of a meter on resources that sees anything in these states."""
    if offer.price.meter is None or offer.types is not None:
        return False
    meter = contract.catalogs[offer.catalog_version].meters[offer.price.meter]
    return meter.reads_resources and any(held.value for held in held_by(meter, map(lived, states)))


def catalog_at(contract: Contract, at: datetime) -> Catalog:
    """The price list that a contract is on at an instant."""
    return contract.catalogs[phase_at(contract.subscription, at).catalog_version]
