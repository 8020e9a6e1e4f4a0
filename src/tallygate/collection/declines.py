"""Why did a payment fail, and what can the customer do about it?

The provider tries failed payments again by a schedule of its own. What is promised here is the
date that it names, and none after a decline that it does not try again (hard declines, Stripe's
Smart Retries). A customer is not told that a card was reported lost, stolen or suspected of fraud:
such reasons sound like a decline without one. The words are those of Stripe's decline codes, error
codes and advice codes.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from tallygate.collection.seen import Decline

NextStep = Literal[
    "pay_with_another_card",  # in the portal, or on the invoice's own page
    "wait",  # for the next attempt, on the date that is named
    "authenticate",  # on the invoice's own page
    "contact_bank",
]


@dataclass(frozen=True, slots=True)
class Reason:
    """What a decline means, as the end of a sentence, and what helps.

    `hard`: the provider does not charge the same card again by itself. `please` is what a customer
    who has to do something about the card is asked for.
    """

    cause: str
    step: NextStep
    hard: bool = False
    please: str = "pay with another card"


@dataclass(frozen=True, slots=True)
class Failed:
    """A payment that failed, in words for the customer: because of what, and what to do.

    `next_attempt` is named only where the provider charges the same card again then.
    """

    cause: str
    advice: str
    step: NextStep
    next_attempt: datetime | None
    url: str | None


NO_REASON = "the bank declined it without giving a reason"
NOBODYS = "it could not be carried out just now"
DEFECTIVE = "the account is closed, or cannot be charged"
WITHDRAWN = "the permission to charge this account was withdrawn"
MUST_CONFIRM = "the bank asks you to confirm it"
ANEW = "enter the card again, or pay with another card"

MISSING = Reason(
    "nothing that can be charged is on file",
    "pay_with_another_card",
    hard=True,
    please="enter a card",
)
CONFIRM = Reason(MUST_CONFIRM, "authenticate", hard=True)
UNKNOWN = Reason(NO_REASON, "wait")

_GROUPS: dict[Reason, str] = {
    UNKNOWN: """
        card_declined generic_decline no_action_taken fraudulent merchant_blacklist
    """,
    Reason(
        NO_REASON, "pay_with_another_card", hard=True
    ): "lost_card stolen_card pickup_card highest_risk_level",
    Reason(NO_REASON, "contact_bank"): """
        do_not_honor call_issuer not_permitted security_violation service_not_allowed
        transaction_not_allowed restricted_card stop_payment_order
        refer_to_customer bank_account_declined payment_method_provider_decline
        request_blocked
    """,
    Reason(NO_REASON, "contact_bank", hard=True): "do_not_try_again",
    Reason("there was not enough money in the account", "wait"): "insufficient_funds",
    Reason("the card has reached a limit", "wait"): """
        card_velocity_exceeded withdrawal_count_limit_exceeded
        card_decline_rate_limit_exceeded
    """,
    Reason("the amount is more than may be charged at once", "contact_bank"): """
        invalid_amount amount_too_large charge_exceeds_source_limit
        charge_exceeds_transaction_limit
    """,
    Reason(NOBODYS, "wait"): """
        try_again_later issuer_not_available processing_error reenter_transaction
        approve_with_id rate_limit payment_intent_rate_limit_exceeded lock_timeout
        payment_method_not_available payment_method_provider_timeout
        payment_intent_payment_attempt_failed
    """,
    Reason(
        "the same amount was charged to this card shortly before", "wait"
    ): "duplicate_transaction",
    Reason("the card has expired", "pay_with_another_card"): "expired_card expired_payment_method",
    Reason(
        "the card was replaced by a new one", "pay_with_another_card"
    ): "new_account_information_available",
    Reason(
        "the card's number is not right", "pay_with_another_card", hard=True, please=ANEW
    ): "incorrect_number",
    Reason(
        "the card's number is not right", "pay_with_another_card", please=ANEW
    ): "invalid_number",
    Reason(
        "the card's security code is not right", "pay_with_another_card", please=ANEW
    ): "incorrect_cvc invalid_cvc",
    Reason(
        "the card's expiry date is not right", "pay_with_another_card", please=ANEW
    ): "invalid_expiry_month invalid_expiry_year",
    Reason("the billing address is not the card's", "pay_with_another_card", please=ANEW): """
        incorrect_zip incorrect_postal_code postal_code_invalid incorrect_address
    """,
    Reason("the card asks for a PIN, which cannot be given here", "pay_with_another_card"): """
        incorrect_pin invalid_pin pin_try_exceeded offline_pin_required
        online_or_offline_pin_required
    """,
    Reason("this kind of card is not accepted for it", "pay_with_another_card"): """
        card_not_supported invalid_card_type payment_method_unsupported_type
        payment_method_restricted payment_intent_incompatible_payment_method
    """,
    Reason(
        "the card cannot be charged in this currency", "pay_with_another_card"
    ): "currency_not_supported payment_method_currency_mismatch",
    Reason("a test card cannot be charged", "pay_with_another_card"): """
        testmode_decline testmode_charges_only payment_method_invalid_parameter_testmode
    """,
    Reason(WITHDRAWN, "pay_with_another_card", hard=True): """
        revocation_of_authorization revocation_of_all_authorizations
    """,
    Reason(WITHDRAWN, "pay_with_another_card"): """
        debit_not_authorized billing_invalid_mandate payment_intent_mandate_invalid
        india_recurring_payment_mandate_canceled payment_method_customer_decline
    """,
    Reason(DEFECTIVE, "pay_with_another_card"): """
        invalid_account account_closed account_invalid no_account account_number_invalid
        bank_account_closed bank_account_restricted bank_account_unusable
        payment_method_bank_account_blocked payment_method_bank_account_closed
        payment_method_unactivated sepa_unsupported_account
    """,
    Reason("the bank account was not confirmed to be yours", "pay_with_another_card"): """
        bank_account_unverified bank_account_verification_failed
        payment_method_microdeposit_failed
    """,
    CONFIRM: "authentication_required",
    Reason(MUST_CONFIRM, "authenticate"): """
        authentication_failure authentication_not_handled
        mobile_device_authentication_required payment_intent_authentication_failure
        payment_intent_action_required invoice_payment_intent_requires_action
        setup_intent_authentication_failure
    """,
    MISSING: "missing resource_missing invoice_no_payment_method_types",
}
REASONS = {word: reason for reason, words in _GROUPS.items() for word in words.split()}

SAME_CARD_NEVER = frozenset(("do_not_try_again", "confirm_card_data"))
"""The networks' advice not to charge the same card, as it is on file, again."""


def reason_of(decline: Decline | None) -> Reason:
    """What a decline means; None: nothing was even tried, as there was nothing to charge."""
    if decline is None:
        return MISSING
    known = (REASONS.get(word) for word in (decline.reason, decline.code) if word is not None)
    return next((reason for reason in known if reason is not None), UNKNOWN)


def explain(
    decline: Decline | None,
    next_attempt: datetime | None,
    *,
    needs_action: bool = False,
    hosted_url: str | None = None,
) -> Failed:
    """What to tell a customer whose payment failed, or waits to be confirmed by the customer.

    `next_attempt` is when the provider says that it charges next, `hosted_url` the page on which
    the invoice can be paid.
    """
    reason = CONFIRM if needs_action else reason_of(decline)
    never = decline is not None and decline.advice in SAME_CARD_NEVER
    again = None if reason.hard or never else next_attempt
    step = reason.step
    if step == "wait" and again is None:
        step = "pay_with_another_card"
    if step == "authenticate" and hosted_url is None:
        step = "contact_bank"
    return Failed(
        reason.cause, _advice(step, reason.please, again, hosted_url), step, again, hosted_url
    )


def _advice(step: NextStep, please: str, again: datetime | None, hosted_url: str | None) -> str:
    where = "in the customer portal" if hosted_url is None else f"at {hosted_url}"
    retry = "" if again is None else f" The next attempt is on {again.date().isoformat()}."
    match step:
        case "authenticate":
            return f"Please confirm it {where}.{retry}"
        case "contact_bank":
            return f"Please ask your bank about it, or pay with another card {where}.{retry}"
        case "pay_with_another_card":
            return f"Please {please} {where}.{retry}"
        case "wait":
            return f"{retry.strip()} You can also pay with another card now, {where}."
