"""A customer learns why a payment failed, what to do, and when it is tried again."""

from datetime import UTC, datetime

import pytest

from tallygate.collection.declines import REASONS, explain, reason_of
from tallygate.collection.seen import Decline

NEXT = datetime(2026, 2, 3, 4, 5, tzinfo=UTC)
URL = "https://invoice.example/i/1"

ANOTHER, WAIT, CONFIRM, BANK = "pay_with_another_card", "wait", "authenticate", "contact_bank"

# What Stripe says (code, decline code, advice code), and then: what to do, whether the next
# attempt is promised, and some words of the sentence.
CASES = [
    ("card_declined", None, None, WAIT, True, "without giving a reason"),
    ("card_declined", "generic_decline", "try_again_later", WAIT, True, "without giving a reason"),
    ("card_declined", "insufficient_funds", "try_again_later", WAIT, True, "not enough money"),
    ("card_declined", "do_not_honor", None, BANK, True, "ask your bank"),
    ("card_declined", "call_issuer", None, BANK, True, "ask your bank"),
    ("card_declined", "transaction_not_allowed", None, BANK, True, "ask your bank"),
    ("card_declined", "invalid_amount", None, BANK, True, "more than may be charged"),
    ("card_declined", "do_not_try_again", None, BANK, False, "ask your bank"),
    ("card_declined", "card_velocity_exceeded", "try_again_later", WAIT, True, "limit"),
    ("card_declined", "issuer_not_available", None, WAIT, True, "just now"),
    ("card_declined", "duplicate_transaction", None, WAIT, True, "shortly before"),
    ("card_declined", "new_account_information_available", None, ANOTHER, True, "a new one"),
    ("card_declined", "pin_try_exceeded", None, ANOTHER, True, "PIN"),
    ("card_declined", "currency_not_supported", None, ANOTHER, True, "currency"),
    ("card_declined", "card_not_supported", None, ANOTHER, True, "kind of card"),
    ("card_declined", "testmode_decline", None, ANOTHER, True, "test card"),
    ("card_declined", "invalid_account", None, ANOTHER, True, "closed"),
    ("expired_card", None, None, ANOTHER, True, "has expired"),
    ("expired_card", None, "do_not_try_again", ANOTHER, False, "has expired"),
    ("expired_card", "expired_card", None, ANOTHER, True, "has expired"),
    ("incorrect_cvc", None, "confirm_card_data", ANOTHER, False, "enter the card again, or"),
    ("incorrect_zip", None, None, ANOTHER, True, "billing address"),
    ("invalid_expiry_year", None, None, ANOTHER, True, "expiry date"),
    ("processing_error", None, "try_again_later", WAIT, True, "just now"),
    ("rate_limit", None, None, WAIT, True, "just now"),
    ("resource_missing", None, None, ANOTHER, False, "nothing that can be charged"),
    ("payment_intent_authentication_failure", None, None, CONFIRM, True, "confirm it at"),
    ("debit_not_authorized", None, None, ANOTHER, True, "withdrawn"),
    ("payment_method_customer_decline", None, None, ANOTHER, True, "withdrawn"),
    # Hard declines: attempts are counted on, and nothing is charged.
    ("card_declined", "lost_card", "do_not_try_again", ANOTHER, False, "without giving a reason"),
    ("card_declined", "stolen_card", None, ANOTHER, False, "without giving a reason"),
    ("card_declined", "pickup_card", None, ANOTHER, False, "without giving a reason"),
    ("card_declined", "highest_risk_level", None, ANOTHER, False, "without giving a reason"),
    ("card_declined", "incorrect_number", None, ANOTHER, False, "number is not right"),
    ("incorrect_number", None, None, ANOTHER, False, "enter the card again, or"),
    ("card_declined", "revocation_of_authorization", None, ANOTHER, False, "withdrawn"),
    ("card_declined", "revocation_of_all_authorizations", None, ANOTHER, False, "withdrawn"),
    ("authentication_required", "authentication_required", None, CONFIRM, False, "confirm it at"),
    # What the network advises outweighs what the word alone would mean.
    ("card_declined", "insufficient_funds", "do_not_try_again", ANOTHER, False, "enough money"),
    ("card_declined", "generic_decline", "confirm_card_data", ANOTHER, False, "another card"),
    # Words that nobody here knows.
    ("card_declined", "moon_in_the_wrong_phase", None, WAIT, True, "without giving a reason"),
    ("processing_error", "moon_in_the_wrong_phase", None, WAIT, True, "just now"),
    ("moon_in_the_wrong_phase", None, None, WAIT, True, "without giving a reason"),
]


@pytest.mark.parametrize(("code", "reason", "advice", "step", "promised", "words"), CASES)
def test_a_decline_is_explained(
    *, code: str, reason: str | None, advice: str | None, step: str, promised: bool, words: str
) -> None:
    failed = explain(Decline(code, reason, advice), NEXT, hosted_url=URL)
    said = f"{failed.cause}. {failed.advice}"
    assert failed.step == step
    assert (failed.next_attempt == NEXT) is promised
    assert ("2026-02-03" in said) is promised
    assert words in said
    assert URL in said


def test_nothing_is_promised_where_no_attempt_is_to_come() -> None:
    for word in REASONS:
        failed = explain(Decline(word), None, hosted_url=URL)
        assert failed.next_attempt is None
        assert failed.step != WAIT
        assert "next attempt" not in failed.advice


def test_a_customer_is_not_told_of_a_suspicion() -> None:
    plain = explain(Decline("card_declined", "generic_decline"), None)
    for word in (
        *("lost_card", "stolen_card", "pickup_card"),
        *("fraudulent", "merchant_blacklist", "highest_risk_level"),
    ):
        assert explain(Decline("card_declined", word), None) == plain, word
    retried = explain(Decline("card_declined", "generic_decline"), NEXT)
    for word in ("fraudulent", "merchant_blacklist"):
        assert explain(Decline("card_declined", word), NEXT) == retried, word


def test_what_must_be_confirmed_is_confirmed_on_the_invoices_page() -> None:
    for decline in (None, Decline("card_declined", "insufficient_funds")):
        failed = explain(decline, NEXT, needs_action=True, hosted_url=URL)
        assert (failed.step, failed.next_attempt, failed.url) == (CONFIRM, None, URL)
    assert explain(None, None, needs_action=True).step == BANK, "there is no page"


def test_without_a_means_of_payment_nothing_was_tried() -> None:
    failed = explain(None, NEXT)
    assert (failed.step, failed.next_attempt) == (ANOTHER, None)
    assert failed.cause == "nothing that can be charged is on file"
    assert failed.advice == "Please enter a card in the customer portal."


def test_the_sentence_says_when_and_where() -> None:
    soft = Decline("card_declined", "insufficient_funds")
    assert explain(soft, NEXT, hosted_url=URL).advice == (
        "The next attempt is on 2026-02-03. You can also pay with another card now, at "
        "https://invoice.example/i/1."
    )
    cvc = Decline("incorrect_cvc")
    assert explain(cvc, NEXT).advice == (
        "Please enter the card again, or pay with another card in the customer portal. "
        "The next attempt is on 2026-02-03."
    )


# Stripe's list of decline codes for cards.
DOCUMENTED = """
    authentication_required approve_with_id authentication_not_handled call_issuer
    card_not_supported card_velocity_exceeded currency_not_supported do_not_honor do_not_try_again
    duplicate_transaction expired_card fraudulent generic_decline incorrect_number incorrect_cvc
    incorrect_pin incorrect_zip incorrect_address insufficient_funds invalid_account invalid_amount
    invalid_cvc invalid_expiry_month invalid_expiry_year invalid_number invalid_pin
    issuer_not_available lost_card merchant_blacklist new_account_information_available
    no_action_taken not_permitted offline_pin_required online_or_offline_pin_required pickup_card
    pin_try_exceeded processing_error reenter_transaction restricted_card
    revocation_of_all_authorizations revocation_of_authorization security_violation
    service_not_allowed stolen_card stop_payment_order testmode_decline transaction_not_allowed
    try_again_later withdrawal_count_limit_exceeded highest_risk_level
    mobile_device_authentication_required
"""


def test_every_documented_word_is_known() -> None:
    assert set(DOCUMENTED.split()) - REASONS.keys() == set()
    hard = {word for word, reason in REASONS.items() if reason.hard}
    assert hard == {
        *("incorrect_number", "lost_card", "pickup_card", "stolen_card", "highest_risk_level"),
        *("revocation_of_authorization", "revocation_of_all_authorizations"),
        *("authentication_required", "do_not_try_again"),
        *("missing", "resource_missing", "invoice_no_payment_method_types"),
    }
    assert reason_of(None).hard
