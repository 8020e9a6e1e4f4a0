"""Wrong answers where people buy: in Checkout, in the portal, in what tax comes to."""

from functools import partial

import pytest
from tests.sandbox.checkout import test_sessions, test_tax
from tests.sandbox.invoices import test_automatic_tax
from tests.sandbox.oracle import defects as wrong
from tests.sandbox.oracle.planting import CAUGHT, Check, Row, by, each
from tests.sandbox.pages import test_plan_pages, test_portal_pages

from tallygate_sandbox.checkout import completion, own_details, plan_changes
from tallygate_sandbox.checkout import totals as checkout
from tallygate_sandbox.invoices import finalization, taxes

PLANTED: list[Row] = [
    (
        "checkout",
        "a session's coupon takes nothing off",
        wrong.patched(checkout, "_spread", wrong.nothing_off),
        by(test_sessions.test_a_coupon_reduces_what_it_applies_to, "client", "checkout"),
    ),
    (
        "checkout",
        "who is somewhere else is taxed as at home",
        wrong.patched(checkout, "levy", wrong.levied_nowhere),
        by(
            test_tax.test_tax_is_that_of_the_address_that_is_filled_in,
            *("sandbox", "client", "checkout"),
        ),
    ),
    (
        "checkout",
        "a tax id is asked for and forgotten",
        wrong.patched(completion, "_tax_ids", lambda *_: None),
        by(test_tax.test_a_tax_id_is_collected_and_kept, "sandbox", "client", "checkout"),
    ),
    (
        "checkout",
        "a managed subscription looks like any other",
        wrong.shown("subscription", wrong.another_word("managed_payments", None)),
        by(
            test_tax.test_managed_payments_sell_and_are_seen_everywhere,
            *("sandbox", "client", "checkout"),
        ),
    ),
    (
        "tax",
        "inclusive tax is a share of the whole amount",
        wrong.patched(taxes, "_taxes", wrong.inside_of_the_whole),
        by(test_automatic_tax.test_a_subscription_is_taxed_at_each_renewal, "taxing"),
    ),
    (
        "tax",
        "a price that does not say is never taxed",
        wrong.patched(taxes, "_behavior", lambda *_: "inclusive"),
        by(test_automatic_tax.test_tax_comes_on_top_or_is_inside_as_each_price_says, "taxing"),
    ),
    (
        "tax",
        "a renewal without a location stays a draft",
        wrong.patched(finalization, "subscription_of", lambda *_: None),
        by(
            partial(
                test_automatic_tax.test_a_renewal_without_a_location_goes_on_untaxed,
                scheduled=False,
            ),
            "taxing",
        ),
    ),
    (
        "portal",
        "a downgrade that should wait is made at once",
        wrong.patched(plan_changes, "waits", lambda *_: False),
        by(
            test_plan_pages.test_a_downgrade_waits_for_the_end_of_the_period,
            *("client", "sandbox", "checkout", "bought"),
        ),
    ),
    (
        "portal",
        "any quantity is taken",
        wrong.patched(plan_changes, "_refuse_quantity", lambda *_: None),
        by(
            test_plan_pages.test_a_quantity_is_changed_within_its_bounds,
            *("client", "sandbox", "checkout", "bought"),
        ),
    ),
    (
        "portal",
        "a pause never ends",
        wrong.timer_never_due("portal.resume"),
        by(
            partial(
                test_plan_pages.test_a_plan_is_paused_and_goes_on,
                duration=None,
                resumes="12 Feb 2026",
            ),
            *("client", "sandbox", "bought"),
        ),
    ),
    (
        "portal",
        "a tax id is added and the old one stays",
        wrong.patched(own_details, "tax_id_of", lambda *_: None),
        by(
            test_portal_pages.test_shipping_and_a_tax_id_are_changed_where_allowed,
            *("client", "bought"),
        ),
    ),
]


@each(PLANTED)
def test_a_wrong_answer_is_caught(
    plant: wrong.Plant,
    check: Check,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    plant(monkeypatch)
    with pytest.raises(CAUGHT):
        check(request)
