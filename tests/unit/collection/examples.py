"""The price lists of the five examples, as a provider should hold them."""

from datetime import UTC, datetime
from pathlib import Path

from tallygate.catalog import read_catalog
from tallygate.catalog.model import Catalog
from tallygate.collection import what_to_hold
from tallygate.collection.held import HeldPrice, PriceList

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
