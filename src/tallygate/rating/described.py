"""What does a price say, before anything was measured?

Its curve in sentences, for somebody who thinks about buying: what each unit costs, what is
included, and what bounds the amount. Nothing is computed here; what it comes to is a line's.
"""

from collections.abc import Sequence

from tallygate.catalog.model import Flat, Graduated, Package, PerUnit, Price, Tier, Volume
from tallygate.core.errors import Invalid
from tallygate.core.quantity import plain
from tallygate.rating.words import money_text, unit_text

_COUNTED = {"members": "member", "resources": "resource", None: "resource"}


def describe(price: Price, currency: str, unit: str = "") -> tuple[str, ...]:
    """The sentences of a price in a currency; `unit` names what its meter measures.

    Raises:
        Invalid: the price has no amount in this currency.
    """
    noun = unit or (_COUNTED[price.count] if price.kind == "counted" else "unit")
    period = f" a {price.every or 'month'}"
    said = []
    if price.included:
        said.append(f"{plain(price.included)} {unit_text(noun, price.included)} included")
    try:
        said += _curve(price, currency, noun, "" if price.kind == "metered" else period)
        if price.minimum is not None:
            said.append(f"at least {money_text(price.minimum[currency], currency)}{period}")
        if price.maximum is not None:
            said.append(f"at most {money_text(price.maximum[currency], currency)}{period}")
    except KeyError:
        raise Invalid(
            f"The price {price.key} has no amount in {currency}: add one to the catalog, or use "
            "a currency that it has.",
            param="currency",
        ) from None
    return tuple(said)


def _curve(price: Price, currency: str, noun: str, period: str) -> list[str]:
    match price.curve:
        case Flat(amount):
            return [f"{money_text(amount[currency], currency)}{period}"]
        case PerUnit(unit):
            return [f"{money_text(unit[currency], currency)} for each {noun}{period}"]
        case Package(size, block):
            units = f"{plain(size)} {unit_text(noun, size)}"
            return [f"{money_text(block[currency], currency)} for each started {units}{period}"]
        case Graduated(tiers):
            return _tiers(tiers, currency, f"for each {noun}{period}")
        case Volume(tiers):
            told = _tiers(tiers, currency, f"for each {noun}{period}")
            return ["the tier that holds the whole quantity prices all of it", *told]


def _tiers(tiers: Sequence[Tier], currency: str, each: str) -> list[str]:
    said, before = [], None
    for tier in tiers:
        if tier.up_to is not None:
            bounds = f"up to {plain(tier.up_to)}: "
        else:
            bounds = "" if before is None else f"beyond {plain(before)}: "
        before = tier.up_to
        sentence = f"{bounds}{money_text(tier.unit[currency], currency)} {each}"
        if tier.flat:
            fee = tier.flat[currency]
            sentence += f" and {money_text(fee, currency)} once" if fee else ""
        said.append(sentence)
    return said
