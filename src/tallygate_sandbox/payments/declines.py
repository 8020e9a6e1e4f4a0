"""Why a card was declined, in Stripe's words.

Codes and sentences: https://docs.stripe.com/testing#declined-payments and
https://docs.stripe.com/declines/codes. For the generic decline the advice and the network's code
are as real test payments show them; for the others they are the documented meaning of the code
(https://docs.stripe.com/declines/network-codes), unconfirmed.
"""

from dataclasses import dataclass

from tallygate_sandbox.world import Obj


@dataclass(frozen=True, slots=True)
class Decline:
    """An issuer's no; `blocked` when it was Stripe's own."""

    code: str
    decline_code: str | None
    message: str
    advice: str | None
    network: str | None
    param: str | None = None
    blocked: bool = False

    def error(self, charge: str | None, payment_method: Obj | None) -> Obj:
        """As `last_payment_error` or `last_setup_error` shows it."""
        shown: Obj = {
            "advice_code": self.advice,
            "charge": charge,
            "code": self.code,
            "decline_code": self.decline_code,
            "doc_url": f"https://docs.stripe.com/error-codes#{self.code.replace('_', '-')}",
            "message": self.message,
            "network_decline_code": self.network,
            "param": self.param,
            "payment_method": payment_method,
            "type": "card_error",
        }
        return {key: value for key, value in shown.items() if value is not None}

    def outcome(self) -> Obj:
        """As a charge shows it."""
        return {
            "advice_code": self.advice,
            "network_advice_code": None,
            "network_decline_code": self.network,
            "network_status": "not_sent_to_network" if self.blocked else "declined_by_network",
            "reason": "highest_risk_level" if self.blocked else self.decline_code or self.code,
            "risk_level": "highest" if self.blocked else "normal",
            "risk_score": 90 if self.blocked else 12,
            "seller_message": self._told_to_the_seller(),
            "type": "blocked" if self.blocked else "issuer_declined",
        }

    def _told_to_the_seller(self) -> str:
        if self.blocked:
            return "Stripe blocked this payment as too risky."
        if self.decline_code == "generic_decline":
            return "The bank did not return any further details with this decline."
        return f"The bank returned the decline code `{self.decline_code or self.code}`."


AUTHORIZED: Obj = {
    "advice_code": None,
    "network_advice_code": None,
    "network_decline_code": None,
    "network_status": "approved_by_network",
    "reason": None,
    "risk_level": "normal",
    "risk_score": 20,
    "seller_message": "Payment complete.",
    "type": "authorized",
}

AGAIN, NEVER, CONFIRM = "try_again_later", "do_not_try_again", "confirm_card_data"
DECLINED = "Your card was declined."
DECLINES = {
    "generic_decline": Decline("card_declined", "generic_decline", DECLINED, AGAIN, "01"),
    "insufficient_funds": Decline(
        "card_declined", "insufficient_funds", "Your card has insufficient funds.", AGAIN, "51"
    ),
    "lost_card": Decline("card_declined", "lost_card", DECLINED, NEVER, "41"),
    "stolen_card": Decline("card_declined", "stolen_card", DECLINED, NEVER, "43"),
    "card_velocity_exceeded": Decline(
        "card_declined",
        "card_velocity_exceeded",
        "Your card was declined for making repeated attempts too frequently or exceeding its "
        "amount limit.",
        AGAIN,
        "65",
    ),
    "fraudulent": Decline("card_declined", "fraudulent", DECLINED, None, None, blocked=True),
    "expired_card": Decline(
        "expired_card", None, "Your card has expired.", NEVER, "54", param="exp_month"
    ),
    "incorrect_cvc": Decline(
        "incorrect_cvc",
        None,
        "Your card's security code is incorrect.",
        CONFIRM,
        "82",
        param="cvc",
    ),
    "processing_error": Decline(
        "processing_error",
        None,
        "An error occurred while processing your card. Try again in a little bit.",
        AGAIN,
        "96",
    ),
    "authentication_required": Decline(
        "authentication_required",
        "authentication_required",
        "Your card was declined. This transaction requires authentication.",
        AGAIN,
        "1A",
    ),
}
