"""Wrong answers, planted one at a time: a check that exists catches each.

A check is a test of another room, called by name; the SDK's types, to which every answer in the
tests is held; or the oracle, which lives a few lives until one is billed otherwise. Each of them
passes where nothing is planted: that is the rest of the suite.
"""

from collections.abc import Callable
from functools import partial

import pytest
from tests.sandbox.checkout import test_sessions, test_tax
from tests.sandbox.clocks import test_clocks
from tests.sandbox.credits import test_application, test_on_invoices
from tests.sandbox.customers import test_customers
from tests.sandbox.invoices import test_automatic_tax
from tests.sandbox.oracle import defects as wrong
from tests.sandbox.oracle import test_found
from tests.sandbox.oracle.test_lives import disagreements
from tests.sandbox.pages import test_plan_pages, test_portal_pages
from tests.sandbox.payments import test_refunds
from tests.sandbox.products import test_products
from tests.sandbox.protocol import test_protocol
from tests.sandbox.subscriptions import (
    test_changes,
    test_creation,
    test_ends,
    test_prebilling,
    test_renewal,
    test_schedules,
)
from tests.sandbox.webhooks import test_deliveries

from tallygate_sandbox.api import expansion
from tallygate_sandbox.api.idempotency import Idempotency
from tallygate_sandbox.checkout import completion, own_details, plan_changes
from tallygate_sandbox.checkout import totals as checkout
from tallygate_sandbox.credits import application
from tallygate_sandbox.customers import details
from tallygate_sandbox.invoices import drafts, finalization, taxes, totals
from tallygate_sandbox.meters import ledger
from tallygate_sandbox.money import calendar, prices
from tallygate_sandbox.products import prices as catalog
from tallygate_sandbox.subscriptions import (
    billing,
    ends,
    lines,
    phases,
    prebilling,
    proration,
    rolling,
    settings,
)
from tallygate_sandbox.webhooks import sender
from tallygate_sandbox.world import World, world

Check = Callable[[pytest.FixtureRequest], None]
CAUGHT = (AssertionError, pytest.fail.Exception)
MOST_LIVES = 60


def by(test: Callable[..., None], *needs: str) -> Check:
    """A test of some room, given its fixtures."""
    return lambda request: test(*[request.getfixturevalue(name) for name in needs])


def by_the_oracle(first: int = 0) -> Check:
    """Lives from a seed on, until one is billed otherwise; the seed saves looking for it."""

    def check(_: pytest.FixtureRequest) -> None:
        for seed in range(first, first + MOST_LIVES):
            assert disagreements(seed) == []

    return check


PLANTED: list[tuple[str, str, wrong.Plant, Check]] = [
    (
        "protocol",
        "a repeated request is executed again",
        wrong.patched(Idempotency, "begin", wrong.executes_again),
        by(test_protocol.test_what_was_answered_is_answered_again, "sandbox", "client"),
    ),
    (
        "protocol",
        "anything that is null can be expanded",
        wrong.patched(expansion, "may_hold_object", lambda *_: True),
        by(
            test_protocol.test_nothing_is_expanded_where_there_never_is_an_object,
            "client",
        ),
    ),
    (
        "protocol",
        "a field that is never null is missing",
        wrong.shown("customer", wrong.a_field_less("livemode")),
        by(test_customers.test_fields_change_merge_and_clear, "client", "sandbox"),
    ),
    (
        "customers",
        "an address is replaced and not merged",
        wrong.patched(details, "_address", wrong.replaces_all),
        by(test_customers.test_fields_change_merge_and_clear, "client", "sandbox"),
    ),
    (
        "payments",
        "a status that Stripe does not have",
        wrong.shown("charge", wrong.another_word("status", "success")),
        by(test_refunds.test_a_charge_is_given_back_in_parts, "client", "sandbox"),
    ),
    (
        "payments",
        "what was refunded is not shown",
        wrong.shown("charge", wrong.another_word("amount_refunded", 0)),
        by(test_refunds.test_a_charge_is_given_back_in_parts, "client", "sandbox"),
    ),
    (
        "products",
        "a lookup key stays with the price that had it",
        wrong.patched(catalog, "_take_lookup_key", lambda *_, **__: None),
        by(test_products.test_a_lookup_key_moves_when_it_is_transferred, "client", "product"),
    ),
    (
        "prices",
        "amounts are rounded down",
        wrong.patched(prices, "to_minor", wrong.rounds_down),
        by_the_oracle(),
    ),
    (
        "prices",
        "volume is charged tier by tier",
        wrong.patched(prices, "_volume", wrong.volume_as_graduated),
        by_the_oracle(2),
    ),
    (
        "prices",
        "a package that has begun is free",
        wrong.patched(prices, "_flat", wrong.a_part_of_a_package),
        by_the_oracle(4),
    ),
    (
        "meters",
        "the last event is the last to arrive",
        wrong.patched(ledger, "newest", wrong.last_to_arrive),
        by_the_oracle(35),
    ),
    (
        "meters",
        "a period has its end too",
        wrong.patched(ledger, "between", wrong.also_its_end),
        by(test_renewal.test_late_usage_counts_until_the_draft_is_finalized, "shop"),
    ),
    (
        "credits",
        "grants pay in the order of their creation",
        wrong.patched(application, "_turn", wrong.in_no_order),
        by(test_application.test_the_order_of_grants, "crediting"),
    ),
    (
        "subscriptions",
        "the 31st slips to the 28th for good",
        wrong.patched(calendar, "boundary", wrong.months_that_slip),
        by(test_creation.test_the_31st_is_the_last_day_of_short_months, "shop"),
    ),
    (
        "subscriptions",
        "every month ends on the 28th",
        wrong.months_of_28_days,
        by_the_oracle(),
    ),
    (
        "subscriptions",
        "who ends does not pay for the last usage",
        wrong.patched(rolling, "usage_until", lambda *_, **__: []),
        by(test_ends.test_at_the_end_of_the_period_the_usage_is_still_billed, "shop"),
    ),
    (
        "subscriptions",
        "drafts of a canceled subscription go on",
        wrong.patched(ends, "_stop_collecting", lambda _: None),
        by_the_oracle(23),
    ),
    (
        "schedules",
        "a phase's discounts and taxes of an item are shown and not applied",
        wrong.patched(phases, "_told", wrong.a_quantity_alone),
        by(test_schedules.test_a_phase_within_a_period_brings_its_discounts_too, "shop"),
    ),
    (
        "credits",
        "usage that waits as an item is not paid with credit",
        wrong.patched(drafts, "line_of_item", wrong.never_metered),
        by(
            test_on_invoices.test_usage_of_an_item_that_goes_is_paid_with_credit_too,
            *("crediting", "client", "sandbox"),
        ),
    ),
    (
        "prebilling",
        "what was billed ahead is billed again when it begins",
        wrong.patched(prebilling, "open_part", lambda _, start, end: (start, end)),
        by(test_prebilling.test_three_months_are_paid_at_the_start_and_then_each_month, "shop"),
    ),
    (
        "prebilling",
        "a change forgets what was billed ahead",
        wrong.patched(prebilling, "debits_again", lambda *_: []),
        by(test_prebilling.test_a_change_gives_back_and_bills_again_what_was_billed_ahead, "shop"),
    ),
    (
        "subscriptions",
        "every trial anchors anew",
        wrong.patched(settings, "keeps_anchor", lambda _: False),
        by(
            partial(
                test_prebilling.test_a_trial_may_leave_the_anchor_where_it_is, ends="by itself"
            ),
            "shop",
        ),
    ),
    (
        "subscriptions",
        "without usage there is no flat fee either",
        wrong.patched(lines, "_usage_lines", wrong.nothing_without_usage),
        by(test_found.test_a_flat_fee_is_due_when_nothing_was_used, "shop"),
    ),
    (
        "subscriptions",
        "pending prorations outlive their subscription",
        wrong.patched(ends, "_forget_prorations", lambda _: None),
        by(
            partial(
                test_found.test_pending_prorations_go_with_the_subscription, how={}, left=[77]
            ),
            "shop",
        ),
    ),
    (
        "proration",
        "a short first period is credited as if it were a whole one",
        wrong.patched(proration, "period_at", wrong.the_first_period),
        by(test_found.test_a_short_first_period_is_credited_by_what_it_cost, "shop"),
    ),
    (
        "proration",
        "by days and not by seconds",
        wrong.patched(proration, "ratio", wrong.by_days),
        by_the_oracle(),
    ),
    (
        "proration",
        "a part of a rounded amount",
        wrong.patched(lines, "exact_amount", wrong.rounded_twice),
        by(test_found.test_a_part_of_a_fraction_of_a_cent_is_rounded_once, "shop"),
    ),
    (
        "proration",
        "a credit of what it would cost and not of what was billed",
        wrong.patched(proration, "billed", wrong.as_it_would_cost_now),
        by(test_changes.test_a_credit_gives_back_what_was_paid_not_what_it_would_cost, "shop"),
    ),
    (
        "discounts",
        "each line is rounded for itself",
        wrong.patched(totals, "percent_of", wrong.each_line_rounded),
        by_the_oracle(33),
    ),
    (
        "discounts",
        "an item's own discount never ends",
        wrong.patched(billing, "with_discounts", lambda _, dues, __: list(dues)),
        by(test_found.test_an_items_own_discount_ends_as_any_other, "shop"),
    ),
    (
        "invoices",
        "usage in the hour of grace is not read",
        wrong.usage_is_read_once,
        by(test_renewal.test_late_usage_counts_until_the_draft_is_finalized, "shop"),
    ),
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
    (
        "webhooks",
        "the signature is over what was parsed and printed again",
        wrong.patched(sender, "signature", wrong.over_what_was_parsed),
        by(
            test_deliveries.test_the_signature_is_made_by_hand,
            "sandbox",
            "client",
            "receiver",
            "secret",
        ),
    ),
    (
        "webhooks",
        "previous_attributes are the new ones",
        wrong.patched(world, "changed_fields", wrong.what_is_now),
        by(
            test_deliveries.test_an_event_arrives_as_it_was_and_verifies,
            "sandbox",
            "client",
            "receiver",
            "secret",
        ),
    ),
    (
        "clocks",
        "steps are played at the end of the way",
        wrong.patched(World, "play_next", wrong.at_its_end),
        by(test_clocks.test_steps_are_played_in_order_at_their_time, "sandbox", "client", "steps"),
    ),
]


@pytest.mark.parametrize(
    ("plant", "check"), [pytest.param(*row[2:], id=f"{row[0]}: {row[1]}") for row in PLANTED]
)
def test_a_wrong_answer_is_caught(
    plant: wrong.Plant,
    check: Check,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    plant(monkeypatch)
    with pytest.raises(CAUGHT):
        check(request)
