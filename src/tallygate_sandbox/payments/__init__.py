"""What pays: cards, the intents that charge them, and what comes of it.

Owns: payment methods, test cards and the older card sources, payment intents, setup intents,
charges, refunds, disputes as far as a test card brings one about, the account's balance and its
transactions.

Does not own: what is paid for. An invoice reacts to `payment_intent.succeeded`,
`.payment_failed`, `.requires_action` and `.canceled` of the intents that bear its id in
`_invoice`.

Laws: a card does what its test number says; a declined payment leaves its intent and a failed
charge; an intent is charged at most once.
"""

from tallygate_sandbox.payments import (
    balance,
    charges,
    disputes,
    intent_calls,
    intents,
    method_calls,
    methods,
    numbers,
    refunds,
    setup_calls,
    setups,
    source_calls,
    sources,
)
from tallygate_sandbox.payments.intents import (
    authenticate,
    cancel,
    collect,
    confirm,
    prepare,
    refusal,
)
from tallygate_sandbox.payments.methods import default_method
from tallygate_sandbox.payments.refunds import refund

__all__ = [
    "authenticate",
    "balance",
    "cancel",
    "charges",
    "collect",
    "confirm",
    "default_method",
    "disputes",
    "intent_calls",
    "intents",
    "method_calls",
    "methods",
    "numbers",
    "prepare",
    "refund",
    "refunds",
    "refusal",
    "setup_calls",
    "setups",
    "source_calls",
    "sources",
]
