"""Stripe's test cards: their numbers, their names as tokens, and what each of them does.

Source: https://docs.stripe.com/testing. A name stands for `pm_card_<name>` and `tok_<name>` alike.
What the documentation leaves open (which network code a decline bears) is in declines.py.
"""

from dataclasses import dataclass
from enum import Enum, auto

from tallygate_sandbox.wire.refusals import Refusal


class Authentication(Enum):
    """When a card asks its owner to authenticate a payment."""

    NEVER = auto()
    UNLESS_SET_UP = auto()  # every payment on session; off session unless set up before
    ON_SESSION = auto()  # set up already: only payments on session
    ALWAYS = auto()

    def needed(self, *, off_session: bool, set_up: bool) -> bool:
        match self:
            case Authentication.NEVER:
                return False
            case Authentication.ALWAYS:
                return True
            case Authentication.ON_SESSION:
                return not off_session
            case Authentication.UNLESS_SET_UP:
                return not (off_session and set_up)


@dataclass(frozen=True, slots=True)
class Card:
    """A test card.

    `decline` is what its issuer answers to a charge, and to being attached unless `attaches`;
    after authentication where it asks for one. `checks` and `later` name what else it brings:
    failing checks; a dispute or the fate of its refunds.
    """

    number: str
    brand: str = "visa"
    funding: str = "credit"
    country: str = "US"
    decline: str = ""
    attaches: bool = False
    authentication: Authentication = Authentication.NEVER
    failing_checks: tuple[str, ...] = ()
    later: str = ""


CVC = "cvc_check"
LINE1, POSTAL = "address_line1_check", "address_postal_code_check"
AGAIN, ALWAYS = Authentication.UNLESS_SET_UP, Authentication.ALWAYS

CARDS: dict[str, Card] = {
    "visa": Card("4242424242424242"),
    "visa_debit": Card("4000056655665556", funding="debit"),
    "mastercard": Card("5555555555554444", "mastercard"),
    "mastercard_series2": Card("2223003122003222", "mastercard"),
    "mastercard_debit": Card("5200828282828210", "mastercard", "debit"),
    "mastercard_prepaid": Card("5105105105105100", "mastercard", "prepaid"),
    "amex": Card("378282246310005", "amex"),
    "amex_second": Card("371449635398431", "amex"),
    "discover": Card("6011111111111117", "discover"),
    "discover_second": Card("6011000990139424", "discover"),
    "diners": Card("3056930009020004", "diners"),
    "diners_14_digits": Card("36227206271667", "diners"),
    "jcb": Card("3566002020360505", "jcb", country="JP"),
    "unionpay": Card("6200000000000005", "unionpay", country="CN"),
    "br": Card("4000000760000002", country="BR"),
    "ca": Card("4000001240000000", country="CA"),
    "mx": Card("4000004840008001", country="MX"),
    "at": Card("4000000400000008", country="AT"),
    "be": Card("4000000560000004", country="BE"),
    "ch": Card("4000007560000009", country="CH"),
    "de": Card("4000002760000016", country="DE"),
    "es": Card("4000007240000007", country="ES"),
    "fr": Card("4000002500000003", country="FR"),
    "gb": Card("4000008260000000", country="GB"),
    "ie": Card("4000003720000005", country="IE"),
    "it": Card("4000003800000008", country="IT"),
    "nl": Card("4000005280000002", country="NL"),
    "au": Card("4000000360000006", country="AU"),
    "in": Card("4000003560000008", country="IN"),
    "jp": Card("4000003920000003", "visa", country="JP"),
    "visa_chargeDeclined": Card("4000000000000002", decline="generic_decline"),
    "visa_chargeDeclinedInsufficientFunds": Card("4000000000009995", decline="insufficient_funds"),
    "visa_chargeDeclinedLostCard": Card("4000000000009987", decline="lost_card"),
    "visa_chargeDeclinedStolenCard": Card("4000000000009979", decline="stolen_card"),
    "visa_chargeDeclinedVelocityLimitExceeded": Card(
        "4000000000006975", decline="card_velocity_exceeded"
    ),
    "chargeDeclinedExpiredCard": Card("4000000000000069", decline="expired_card"),
    "chargeDeclinedIncorrectCvc": Card(
        "4000000000000127", decline="incorrect_cvc", failing_checks=(CVC,)
    ),
    "chargeDeclinedProcessingError": Card("4000000000000119", decline="processing_error"),
    "chargeCustomerFail": Card("4000000000000341", decline="generic_decline", attaches=True),
    "radarBlock": Card("4100000000000019", decline="fraudulent", attaches=True),
    "cvcCheckFail": Card("4000000000000101", failing_checks=(CVC,)),
    "avsFail": Card("4000000000000010", failing_checks=(LINE1, POSTAL)),
    "avsLine1Fail": Card("4000000000000028", failing_checks=(LINE1,)),
    "avsZipFail": Card("4000000000000036", failing_checks=(POSTAL,)),
    "bypassPending": Card("4000000000000077", later="available"),
    "pendingRefund": Card("4000000000007726", later="refund_pending"),
    "refundFail": Card("4000000000005126", later="refund_failed"),
    "createDispute": Card("4000000000000259", later="dispute_fraudulent"),
    "createDisputeProductNotReceived": Card(
        "4000000000002685", later="dispute_product_not_received"
    ),
    "authenticationRequiredOnSetup": Card("4000002500003155", country="FR", authentication=AGAIN),
    "authenticationRequired": Card("4000002760003184", country="DE", authentication=ALWAYS),
    "authenticationRequiredSetupForOffSession": Card(
        "4000003800000446", country="IT", authentication=Authentication.ON_SESSION
    ),
    "authenticationRequiredChargeDeclinedInsufficientFunds": Card(
        "4000008260003178",
        country="GB",
        decline="insufficient_funds",
        attaches=True,
        authentication=ALWAYS,
    ),
    "threeDSecure2Required": Card("4000000000003220", country="IE", authentication=AGAIN),
    "threeDSecureRequired": Card("4000000000003063", authentication=AGAIN),
    "threeDSecureRequiredChargeDeclined": Card(
        "4000008400001629", decline="generic_decline", attaches=True, authentication=AGAIN
    ),
    "threeDSecureRequiredProcessingError": Card(
        "4000008400001280", decline="generic_decline", attaches=True
    ),
    "threeDSecureOptional": Card("4000000000003055"),
    "threeDSecureOptionalProcessingError": Card("4000000000003097"),
}
OTHER_NAMES = {
    "us": "visa",
    "chargeDeclined": "visa_chargeDeclined",
    "chargeDeclinedInsufficientFunds": "visa_chargeDeclinedInsufficientFunds",
    "chargeDeclinedLostCard": "visa_chargeDeclinedLostCard",
    "chargeDeclinedStolenCard": "visa_chargeDeclinedStolenCard",
    "threeDSecureOptional2": "threeDSecureOptional",
}
BY_NUMBER = {card.number: card for card in CARDS.values()}


def named(token: str) -> Card | None:
    """The card of `pm_card_visa` or `tok_visa`; None for another id."""
    for prefix in ("pm_card_", "tok_"):
        if token.startswith(prefix):
            name = token.removeprefix(prefix)
            return CARDS.get(OTHER_NAMES.get(name, name))
    return None


def of_number(number: str) -> Card:
    """The test card with a number, blanks and dashes apart.

    Raises:
        Refusal: 402, a number that is none, or that is no test card's.
    """
    digits = number.replace(" ", "").replace("-", "")
    if not (digits.isdigit() and 12 <= len(digits) <= 19 and _luhn(digits)):
        raise Refusal(
            "Your card number is incorrect.",
            status=402,
            type="card_error",
            code="incorrect_number",
            param="number",
        )
    if digits not in BY_NUMBER:
        raise Refusal(
            "Your card was declined. Your request was in test mode, but used a non test (live) "
            "card. For a list of valid test cards, visit: https://stripe.com/docs/testing.",
            status=402,
            type="card_error",
            code="card_declined",
            more={"decline_code": "test_mode_live_card"},
        )
    return BY_NUMBER[digits]


def _luhn(digits: str) -> bool:
    doubled = [int(d) * (1 + i % 2) for i, d in enumerate(reversed(digits))]
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0
