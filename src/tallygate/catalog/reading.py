"""How does a YAML file become a Catalog?

As a whole: every section is read, everything that is wrong is collected with its line, and either
all of it is a catalog or none.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar

from tallygate.catalog.curves import Currencies
from tallygate.catalog.meters import read_meter
from tallygate.catalog.model import Catalog, Meter, Portal, Price, ResourceType
from tallygate.catalog.places import KEY_GRAMMAR, Report, Spot, is_key
from tallygate.catalog.plans import read_coupon, read_plan, read_resource
from tallygate.catalog.portal import read_portal
from tallygate.catalog.prices import PriceBook
from tallygate.catalog.tree import read_tree, refusal
from tallygate.core.errors import CatalogInvalid, Problem
from tallygate.core.money import is_currency

SECTIONS = (
    *("name", "currency", "grace_days"),
    *("meters", "plans", "prices", "resources", "coupons"),
    *("links", "portal"),
)
DEFAULT_GRACE_DAYS = 7
MAX_GRACE_DAYS = 365
MAX_KEY = 100

T = TypeVar("T")


def read_catalog(text: str, name: str = "catalog.yaml") -> Catalog:
    """Read a price list; `name` is how its problems call the file.

    Raises:
        CatalogInvalid: with every problem in the file, each with its place and what to do.
    """
    catalog, _ = read_with_warnings(text, name)
    return catalog


def read_with_warnings(
    text: str, name: str = "catalog.yaml", *, at: datetime | None = None
) -> tuple[Catalog, tuple[Problem, ...]]:
    """Read a price list, and what in it may not be meant, such as a coupon that is past at `at`.

    Raises:
        CatalogInvalid: with every problem in the file, each with its place and what to do.
    """
    report = Report(name)
    root = read_tree(text, name)
    catalog = _read(Spot(report, root, "", root.line), at)
    if report.problems or catalog is None:
        raise CatalogInvalid(report.sorted_problems())
    return catalog, report.sorted_warnings()


def decode(raw: bytes, name: str = "catalog.yaml") -> str:
    """The text of a file.

    Raises:
        CatalogInvalid: the bytes are no UTF-8 text.
    """
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise refusal(name, line, "This is no UTF-8 text: save the catalog as UTF-8.") from None


def _read(spot: Spot, at: datetime | None) -> Catalog | None:
    found = spot.fields(SECTIONS, required=("name", "currency"))
    if found is None:
        return None
    title = found["name"].text() if "name" in found else None
    currencies = Currencies(_currencies(found["currency"]) if "currency" in found else ())
    grace = DEFAULT_GRACE_DAYS
    if "grace_days" in found:
        grace = found["grace_days"].whole(0, MAX_GRACE_DAYS) or 0
    meters = _section(found, "meters", read_meter)
    book = PriceBook(currencies, meters)
    shared = _shared(found, book)
    plans = _section(found, "plans", lambda key, at_: read_plan(key, at_, book, shared))
    resources = _section(
        found, "resources", lambda key, at_: read_resource(key, at_, currencies, book, shared)
    )
    coupons = _section(
        found, "coupons", lambda key, at_: read_coupon(key, at_, currencies, book, at)
    )
    links = "links" in found and found["links"].flag()
    portal = read_portal(found["portal"]) if "portal" in found else Portal()
    if spot.report.problems or title is None:
        return None
    catalog = Catalog(
        name=title,
        currencies=currencies.codes,
        grace_days=grace,
        meters=_present(meters),
        plans=_present(plans),
        prices=_present(shared),
        resources=_present(resources),
        coupons=_present(coupons),
        links=links,
        portal=portal,
    )
    _warn(catalog, found, book)
    return catalog


def _currencies(spot: Spot) -> tuple[str, ...]:
    entries = (spot,) if spot.scalar is not None else spot.entries() or ()
    codes: list[str] = []
    if not entries and spot.scalar is None:
        spot.problem("Name at least one currency, such as usd.")
    for entry in entries:
        code = entry.text()
        if code is None:
            continue
        if not is_currency(code):
            entry.problem(f"{code!r} is no currency: write three small letters, such as usd.")
        elif code in codes:
            entry.problem(f"{code} is named twice: once is enough.")
        else:
            codes.append(code)
    return tuple(codes)


def _section(
    found: Mapping[str, Spot], section: str, read: Callable[[str, Spot], T | None]
) -> dict[str, T | None]:
    """A section whose keys are names; an entry with problems is None, so that it is known."""
    values: dict[str, T | None] = {}
    if section not in found:
        return values
    for key, spot in (found[section].pairs() or {}).items():
        if not is_key(key, MAX_KEY):
            spot.problem(f"This is no name: use up to {MAX_KEY} {KEY_GRAMMAR}.")
        values[key] = read(key, spot)
    return values


def _shared(found: Mapping[str, Spot], book: PriceBook) -> dict[str, Price | None]:
    """The prices outside plans, by key."""
    shared: dict[str, Price | None] = {}
    if "prices" not in found or found["prices"].is_null:
        return shared
    for spot in found["prices"].entries() or ():
        before = set(book.keys)
        price = book.read(spot)
        if price is not None and price.key in shared:
            spot.problem(f"{price.key!r} is listed twice: keep one of them.")
        elif price is not None:
            shared[price.key] = price
        else:
            shared.update(dict.fromkeys(book.keys - before))
    return shared


def _present(values: Mapping[str, T | None]) -> dict[str, T]:
    return {key: value for key, value in values.items() if value is not None}


def _warn(catalog: Catalog, found: Mapping[str, Spot], book: PriceBook) -> None:
    """What is possible, but would bill nothing."""
    named = {resource.price for resource in catalog.resources.values()}
    for key, price in catalog.prices.items():
        if price.count == "resources" and key not in named:
            _, spot = book.first[key]
            spot.warn(f"{key!r} counts resources that no resource type names: it stays 0.")
    if not catalog.resources or not catalog.meters:
        return
    spots = found["meters"].pairs() or {}
    for key, meter in catalog.meters.items():
        for field in sorted(_unspecified(meter, catalog.resources)):
            spots[key].warn(
                f"The meter reads `{field}`, which no resource type's spec has: where the events "
                "do not bring it, it is 0."
            )


def _unspecified(meter: Meter, resources: Mapping[str, ResourceType]) -> set[str]:
    if not meter.reads_resources or meter.value is None:
        return set()
    specified = {field for resource in resources.values() for field in resource.spec}
    return set(meter.value.fields) - specified - {"running"}
