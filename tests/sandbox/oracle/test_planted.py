"""Wrong answers about what is owed, planted one at a time: a check that exists catches each."""

from functools import partial

import pytest
from tests.sandbox.clocks import test_clocks
from tests.sandbox.credits import test_application, test_on_invoices
from tests.sandbox.customers import test_customers
from tests.sandbox.oracle import defects as wrong
from tests.sandbox.oracle import test_found
from tests.sandbox.oracle.planting import CAUGHT, Check, Row, by, by_the_oracle, each
from tests.sandbox.payments import test_refunds, test_sources
from tests.sandbox.products import test_products
from tests.sandbox.protocol import test_protocol
from tests.sandbox.subscriptions import (
    test_changes,
    test_creation,
    test_ends,
    test_pause_plans,
    test_prebilling,
    test_renewal,
    test_schedules,
)
from tests.sandbox.webhooks import test_deliveries

from tallygate_sandbox.api import expansion
from tallygate_sandbox.api.idempotency import Idempotency
from tallygate_sandbox.credits import application
from tallygate_sandbox.customers import details
from tallygate_sandbox.invoices import drafts, totals
from tallygate_sandbox.meters import ledger
from tallygate_sandbox.money import calendar, prices
from tallygate_sandbox.payments import methods
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

PLANTED: list[Row] = [
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
        "payments",
        "a source is charged before the method beside it",
        wrong.patched(methods, "_in_turn", wrong.sources_first),
        by(test_sources.test_the_order_in_which_a_subscription_is_paid, "shop"),
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
        "schedules",
        "a planned pause never ends",
        wrong.timer_never_due("schedule.resume"),
        by(test_pause_plans.test_it_is_paused_and_resumed_as_planned, "shop"),
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
        "prebilling",
        "a trial that ends elsewhere is billed ahead twice",
        wrong.patched(prebilling, "take_back", lambda _: ({}, [])),
        by(test_prebilling.test_a_trial_ended_by_hand_gives_back_and_bills_again, "shop"),
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
