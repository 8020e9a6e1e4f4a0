"""What changes for those who buy when one version of the price list follows another?

A sentence for each thing that comes, goes, or differs: `+`, `-` and `~`, with the price as the
smallest thing. Subscriptions keep the version they began with, so that this is about new ones.
"""

from collections.abc import Iterator, Mapping
from dataclasses import fields

from tallygate.catalog.model import Catalog, Portal, Price

SECTIONS = ("meters", "prices", "resources", "coupons")


def differences(before: Catalog | None, after: Catalog) -> tuple[str, ...]:
    """The changes from one version to the next, in the order of the file; none: they are equal.

    >>> differences(None, Catalog("a", ("usd",), 7, {}, {}, {}, {}, {}))
    ('~ name: a', '~ currencies: usd', '~ grace_days: 7')
    """
    return tuple(_found(before, after))


def _found(before: Catalog | None, after: Catalog) -> Iterator[str]:
    if before is None or before.name != after.name:
        yield f"~ name: {after.name}"
    if before is None or before.currencies != after.currencies:
        yield f"~ currencies: {', '.join(after.currencies)}"
    if before is None or before.grace_days != after.grace_days:
        yield f"~ grace_days: {after.grace_days}"
    if after.links != (before is not None and before.links):
        yield f"~ links: {'on' if after.links else 'off'}"
    portal = Portal() if before is None else before.portal
    if changed := _changed(portal, after.portal):
        yield f"~ portal: {', '.join(changed)}"
    for section in SECTIONS:
        old: Mapping[str, object] = {} if before is None else getattr(before, section)
        yield from _compared(section, old, getattr(after, section))
    plans = {} if before is None else before.plans
    yield from _compared("plans", plans, after.plans, inside=("prices",))
    for key, plan in after.plans.items():
        known = plans[key].prices if key in plans else ()
        yield from _compared(f"plans.{key}.prices", _by_key(known), _by_key(plan.prices))


def _compared(
    place: str,
    old: Mapping[str, object],
    new: Mapping[str, object],
    *,
    inside: tuple[str, ...] = (),
) -> Iterator[str]:
    for key, value in new.items():
        if key not in old:
            yield f"+ {place}.{key}"
        elif changed := [name for name in _changed(old[key], value) if name not in inside]:
            yield f"~ {place}.{key}: {', '.join(changed)}"
    yield from (f"- {place}.{key}" for key in old if key not in new)


def _changed(old: object, new: object) -> list[str]:
    names = [part.name for part in fields(new)]  # type: ignore[arg-type]  # entries are dataclasses
    return [name for name in names if getattr(old, name) != getattr(new, name)]


def _by_key(prices: tuple[Price, ...]) -> dict[str, Price]:
    return {price.key: price for price in prices}
