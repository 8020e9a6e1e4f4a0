"""Where customers buy and look after their billing: what it should be, and what is done for it."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from tests.unit.collection.examples import NOW, held_in, list_of, mirrored

from tallygate.catalog import read_catalog
from tallygate.collection import compare, selling, what_to_hold
from tallygate.collection.held import (
    FoundLink,
    FoundPortal,
    HeldLink,
    HeldPortal,
    Holdings,
    Pages,
    PriceList,
)
from tallygate.collection.steps import ArchivePrice, CloseLink, CreateLink, CreatePrice

SHOP = """\
name: shop
currency: [usd, eur]
links: true
meters:
  calls: {event: api.call, aggregation: count}
plans:
  free: {name: Free}
  usage:
    prices: [{key: calls, meter: calls, per_unit: {usd: "0.05", eur: "0.04"}}]
  pro:
    name: Pro
    trial_days: 14
    prices:
      - {key: base, flat: {usd: "29.00", eur: "27.00"}, every: month}
      - {key: support, flat: {usd: "9.00", eur: "9.00"}, every: month}
      - {key: base_annual, flat: {usd: "290.00", eur: "270.00"}, every: year}
      - {key: seats, per_unit: {usd: "5.00", eur: "5.00"}, every: month, count: members}
      - {key: calls, meter: calls, included: 100, per_unit: {usd: "0.05", eur: "0.04"}}
coupons:
  EARLY: {percent_off: 10, duration: once}
"""
MONTHLY = HeldLink("pro", "month", frozenset(("base", "support")), 14, takes_codes=True)
ANNUAL = HeldLink("pro", "year", frozenset(("base_annual",)), 14, takes_codes=True)


def said(wanted: PriceList, found: Holdings) -> list[str]:
    return [str(step) for step in compare(wanted, found).steps]


def test_each_interval_of_a_plan_with_flats_has_a_link() -> None:
    """Neither what is free, nor what is only metered; and no link sells what has no quantity."""
    wanted = held_in(SHOP)
    assert wanted.links == (MONTHLY, ANNUAL)
    assert wanted.notes == (
        "The plan usage has no payment link: a link sells flat prices, and it has none.",
    )
    assert held_in(SHOP.replace("links: true\n", "")).links == ()


def test_a_code_can_be_typed_where_there_is_one() -> None:
    bare = SHOP.partition("coupons:")[0]
    past = "PAST: {percent_off: 5, duration: once, redeem_by: 2025-01-01T00:00:00Z}"
    untypable = "A.B: {percent_off: 5, duration: once}"
    for coupons in ("", past, untypable):
        wanted = held_in(f"{bare}coupons: {{{coupons}}}")
        assert [link.takes_codes for link in wanted.links] == [False, False]


def test_a_link_has_at_most_twenty_lines() -> None:
    flats = "".join(
        f'      - {{key: f{number}, flat: {{usd: "1.00", eur: "1.00"}}, every: month}}\n'
        for number in range(19)
    )
    text = SHOP.replace("      - {key: base,", f"{flats}      - {{key: base,")
    wanted = held_in(text)
    assert [link.name for link in wanted.links] == ["pro:year"]
    assert "at most 20 prices, and it has 21" in wanted.notes[-1]


def test_kraliki_a7_sells_its_plans_at_four_addresses() -> None:
    links = {link.name: sorted(link.prices) for link in list_of("lab_by_kraliki").links}
    assert links == {
        "starter:month": ["starter_monthly"],
        "starter:year": ["starter_annual"],
        "pro:month": ["pro_monthly"],
        "pro:year": ["pro_annual"],
    }


def test_links_are_made_after_their_prices() -> None:
    steps = compare(held_in(SHOP), Holdings()).steps
    kinds = [type(step) for step in steps]
    last_price = max(n for n, kind in enumerate(kinds) if kind is CreatePrice)
    assert kinds.index(CreateLink) > last_price
    assert str(steps[-2]) == (
        "Create the payment link of pro by the month, which sells base and support."
    )


def test_a_new_price_brings_a_new_link_and_closes_the_former_one() -> None:
    """Before the former price is archived: at no time does an open link sell nothing."""
    before, after = held_in(SHOP), held_in(SHOP.replace("29.00", "31.00"))
    steps = compare(after, mirrored(before)).steps
    assert [type(step) for step in steps] == [CreatePrice, CreateLink, CloseLink, ArchivePrice]
    assert str(steps[2]) == "Close the former payment link pro:month (https://buy.test/pro:month)."


def moved(found: FoundLink) -> FoundLink:
    """A link after one of its prices has lost its lookup key."""
    return replace(found, terms=None)


def test_stopped_between_the_price_and_its_link_the_rest_is_done() -> None:
    wanted = held_in(SHOP)
    there = mirrored(wanted)
    first, second = there.links
    found = replace(there, links=(moved(first), second))
    assert [type(step) for step in compare(wanted, found).steps] == [CreateLink, CloseLink]
    new = replace(first, id="plink_2")
    found = replace(there, links=(moved(first), second, new))
    assert compare(wanted, found).steps == (CloseLink(moved(first), replaced=True),)
    closed = replace(moved(first), active=False)
    assert compare(wanted, replace(there, links=(closed, second, new))).steps == ()


@pytest.mark.parametrize(
    ("differs", "told"),
    [
        ({"trial_days": 0}, "trial days"),
        ({"takes_codes": False}, "takes codes"),
        ({"success_url": "https://old.test"}, "success url"),
        ({"automatic_tax": True}, "automatic tax"),
        ({"plan": ""}, "plan"),
        ({"interval": "year"}, "interval"),
    ],
)
def test_what_can_be_changed_of_a_link_is_changed_at_its_address(
    differs: Mapping[str, object], told: str
) -> None:
    wanted = held_in(SHOP)
    first, *others = mirrored(wanted).links
    terms = replace(MONTHLY, **differs)  # type: ignore[arg-type]  # one field at a time
    found = replace(mirrored(wanted), links=(replace(first, terms=terms), *others))
    assert said(wanted, found) == [f"Change the payment link of pro by the month: {told}."]


def test_of_two_links_that_sell_the_same_the_oldest_stays() -> None:
    wanted = held_in(SHOP)
    first, second = mirrored(wanted).links
    twin = replace(first, id="plink_2", url="https://buy.test/twin")
    found = replace(mirrored(wanted), links=(first, second, twin))
    assert compare(wanted, found).steps == (CloseLink(twin, replaced=True),)
    shut = replace(found, links=(replace(first, active=False), second, twin))
    assert compare(wanted, shut).steps == ()
    assert selling(MONTHLY, shut) == twin


def test_a_closed_link_is_opened_rather_than_made_twice() -> None:
    wanted = held_in(SHOP)
    first, second = mirrored(wanted).links
    found = replace(mirrored(wanted), links=(replace(first, active=False), second))
    assert said(wanted, found) == ["Let the payment link of pro by the month sell again."]
    stale = replace(first, active=False, terms=replace(MONTHLY, trial_days=0))
    assert said(wanted, replace(found, links=(stale, second))) == [
        "Change the payment link of pro by the month: trial days, and let it sell again."
    ]


def test_links_that_the_catalog_needs_no_longer_are_closed() -> None:
    wanted = held_in(SHOP.replace("links: true\n", ""))
    first, second = said(wanted, mirrored(held_in(SHOP)))
    assert first == (
        "Close the payment link pro:month (https://buy.test/pro:month): the catalog needs it no "
        "longer."
    )
    assert second.startswith("Close the payment link pro:year")


def test_the_pages_lead_where_the_settings_say() -> None:
    pages = Pages("https://shop.test/thanks", "https://shop.test/account", automatic_tax=True)
    wanted = what_to_hold(read_catalog(SHOP), NOW, pages)
    assert {one.success_url for one in wanted.links} == {"https://shop.test/thanks"}
    assert all(one.automatic_tax for one in wanted.links)
    assert wanted.portal == HeldPortal(return_url="https://shop.test/account")


PORTAL = HeldPortal()


def test_customers_have_rights_in_the_portal_and_plans_are_none_of_them() -> None:
    wanted = held_in(f"portal: {{headline: Billing}}\n{SHOP}").portal
    assert wanted == HeldPortal(headline="Billing")
    assert wanted is not None
    assert (wanted.card, wanted.invoices, wanted.cancellation) == (True, True, "at_period_end")
    assert wanted.details == {"address", "email", "tax_id"}
    assert (wanted.plan_changes, wanted.pauses) == (False, False)
    assert held_in(SHOP).portal == PORTAL


def with_portals(*found: FoundPortal) -> list[str]:
    wanted = replace(held_in(SHOP), portal=PORTAL)
    return said(wanted, replace(mirrored(wanted), portals=found))


def test_a_portal_is_made_once_and_changed_in_its_place() -> None:
    [made] = with_portals()
    assert made.startswith("Create the portal: card, invoices, billing details, and canceling at")
    other = HeldPortal(headline="Old", cancellation="other", plan_changes=True)
    assert with_portals(FoundPortal("bpc_1", other)) == [
        "Change the portal: headline, cancellation, plan changes."
    ]
    assert with_portals(FoundPortal("bpc_1", PORTAL, active=False)) == ["Open the portal again."]
    shut = FoundPortal("bpc_0", other, active=False)
    assert with_portals(shut, FoundPortal("bpc_1", PORTAL)) == []


def test_where_nothing_is_sold_the_portal_is_left_alone() -> None:
    """Those who have subscribed still look after their cards there."""
    empty = held_in("name: shop\ncurrency: usd\nplans: {free: {name: Free}}\n")
    assert empty.portal is None
    found = Holdings(portals=(FoundPortal("bpc_1", HeldPortal(headline="Old")),))
    assert compare(empty, found).steps == ()
