"""The price lists of the five examples, as a provider should hold them, and one that does."""

from datetime import UTC, datetime
from pathlib import Path

from tallygate.catalog import read_catalog
from tallygate.catalog.model import Catalog
from tallygate.collection import what_to_hold
from tallygate.collection.held import (
    FoundCode,
    FoundCoupon,
    FoundLink,
    FoundMeter,
    FoundPortal,
    FoundPrice,
    FoundProduct,
    HeldPrice,
    Holdings,
    PriceList,
)

EXAMPLES = Path(__file__).parents[3] / "examples"
NAMES = sorted(path.parent.name for path in EXAMPLES.glob("*/catalog.yaml"))
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def text_of(example: str) -> str:
    return (EXAMPLES / example / "catalog.yaml").read_text("utf-8")


def catalog_of(example: str) -> Catalog:
    return read_catalog(text_of(example))


def list_of(example: str, at: datetime = NOW) -> PriceList:
    return what_to_hold(catalog_of(example), at)


def held_in(text: str, at: datetime = NOW) -> PriceList:
    return what_to_hold(read_catalog(text), at)


def price(prices: PriceList, key: str) -> HeldPrice:
    [found] = [one for one in prices.prices if one.key == key]
    return found


def mirrored(wanted: PriceList) -> Holdings:
    """A provider that holds a list exactly."""
    codes = {
        one.id: FoundCode(f"promo_{one.id}", one.code, one.id)
        for one in wanted.coupons
        if one.code is not None
    }
    return Holdings(
        products=tuple(FoundProduct(one) for one in wanted.products),
        meters=tuple(FoundMeter(f"mtr_{one.event}", one.event) for one in wanted.meters),
        prices=tuple(
            FoundPrice(f"price_{one.key}", one.key, one, made_for=one.key) for one in wanted.prices
        ),
        coupons=tuple(
            FoundCoupon(one, (codes[one.id],) if one.id in codes else ()) for one in wanted.coupons
        ),
        codes=tuple(codes.values()),
        links=tuple(
            FoundLink(f"plink_{one.name}", f"https://buy.test/{one.name}", one.name, one)
            for one in wanted.links
        ),
        portals=() if wanted.portal is None else (FoundPortal("bpc_1", wanted.portal),),
    )
