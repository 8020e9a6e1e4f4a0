"""A year of one subscription: a base, two metered items, usage on every day."""

from fractions import Fraction
from time import perf_counter

from tests.sandbox.oracle.arithmetic import Price, Rhythm
from tests.sandbox.oracle.bills import Item
from tests.sandbox.oracle.contract import Contract
from tests.sandbox.subscriptions.shop import DAY, HOUR, START, YEAR, Shop, said

MONTH = Rhythm("month")


def test_a_year_with_usage_on_every_day(shop: Shop) -> None:
    customer, base = shop.customer(), shop.price(4900)
    metered = {"calls": shop.metered("calls", "0.75"), "bytes": shop.metered("bytes", "2")}
    sub = shop.subscribe(customer, base, *metered.values())
    year = Contract(START, least=50, formulas=dict.fromkeys(metered, "sum"))
    year.items = [
        Item("base", Price(base.id, "base", MONTH, "each", Fraction(4900)), 1, 0, 0, 0),
        *(
            Item(name, Price(name, name, MONTH, "each", Fraction(rate), meter=name), 1, 0, 0, 0)
            for name, rate in (("calls", "0.75"), ("bytes", "2"))
        ),
    ]
    year.begin(None, None, prorates=True)
    moving = 0.0
    for day in range(365):
        noon = START + day * DAY + DAY // 2
        begun = perf_counter()
        shop.advance(noon)
        moving += perf_counter() - begun
        for name in metered:
            shop.use(customer.id, day + len(name), noon, name)
            year.events.setdefault(name, []).append((noon, day + len(name)))
    begun = perf_counter()
    shop.advance(YEAR + HOUR)
    moving += perf_counter() - begun
    year.live_until(YEAR + HOUR)
    said("a year moved day by day, with usage on each", moving)
    bills = [(invoice.created, invoice.total) for invoice in shop.invoices(sub)]
    assert bills == [(bill.made, bill.total) for bill in year.bills]
    assert len(bills) == 13


def test_a_year_in_one_move(shop: Shop) -> None:
    """Usage that was there before: what time itself costs, in one call."""
    customer, base = shop.customer(), shop.price(4900)
    metered = [shop.metered("calls", "0.75"), shop.metered("bytes", "2")]
    sub = shop.subscribe(customer, base, *metered)
    for minutes in range(5):
        for name in ("calls", "bytes"):
            shop.use(customer.id, 10, START + minutes * 60, name)
    begun = perf_counter()
    shop.advance(YEAR + HOUR)
    said("a year in one move", perf_counter() - begun)
    assert [invoice.total for invoice in shop.invoices(sub)] == [4900, 4900 + 38 + 100] + [
        4900
    ] * 11
