"""What became of a request is told by the answer, or by there being none."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import stripe
from stripe import RequestsClient
from tests.contract.stripe_intents import SAMPLES
from tests.contract.stripe_shop import JANUARY, START, Shop, still

from tallygate.adapters.stripe import StripeBooks, errors, open_client, open_paced_client
from tallygate.adapters.stripe.errors import told_apart
from tallygate.app import open_books
from tallygate.collection.intents import Intent, OpenInvoice
from tallygate.collection.provider import FailedThere, Unanswered
from tallygate.config import Config
from tallygate.core.errors import Refused, TallygateError, Unreachable
from tallygate_sandbox.testing import RunningSandbox, running_sandbox

SOON = 0.3
"""Seconds: so long an impatient client waits."""

_refusal: Any = stripe.InvalidRequestError  # the SDK leaves their makers untyped
_declined: Any = stripe.CardError


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with running_sandbox(frozen=START) as sandbox:
        yield Shop(sandbox)


def wish(shop: Shop) -> Intent:
    return OpenInvoice(shop.customer(), "inv_1", "usd", "One")


def kind_of(act: Callable[[], object]) -> type[TallygateError]:
    with pytest.raises(TallygateError) as raised:
        act()
    assert str(raised.value)
    assert "sk_test" not in str(raised.value)
    return type(raised.value)


def test_while_a_request_is_under_way_nothing_is_known(shop: Shop) -> None:
    """Whoever gave up waiting asks again under the same key, until the first one is through."""
    intent, key = wish(shop), shop.key()
    hasty, _ = open_paced_client(
        "sk_test_1", shop.sandbox.url, still(), http_client=RequestsClient(timeout=SOON), tries=1
    )
    books = StripeBooks(hasty, "Stripe", live=False)
    shop.fail("slow", method="POST", seconds=SOON * 4)
    assert kind_of(lambda: books.carry_out(intent, key)) is Unanswered
    assert kind_of(lambda: shop.books.carry_out(intent, key)) is Unanswered  # 409: in use
    made = None
    while made is None:
        try:
            made = shop.books.carry_out(intent, key)
        except Unanswered:
            continue
    assert [one.id for one in shop.look(_customer(intent)).invoices] == [made]


def test_nobody_there_is_no_answer() -> None:
    with running_sandbox(frozen=START) as gone:
        client = open_client("sk_test_1", gone.url, retries=0)
    books = StripeBooks(client, "Stripe", live=False)
    assert kind_of(lambda: books.look("cus_1", JANUARY)) is Unanswered


def test_a_read_that_failed_says_nothing_of_the_change(shop: Shop) -> None:
    """The next try has the same key: an earlier one may still be under way under it."""
    intent, key = SAMPLES["start_subscription"].ready(shop), shop.key()
    stranger = shop.open_books()  # it has to look the prices up
    shop.fail("error", method="GET")
    assert kind_of(lambda: stranger.carry_out(intent, key)) is Unanswered
    shop.fail("error", method="GET", times=2)
    assert shop.open_books(tries=3).carry_out(intent, key)


def test_a_key_that_stripe_does_not_know_refuses_nothing(shop: Shop) -> None:
    """The intent stands until the key is mended: nothing was done."""
    client = open_client("sk_unknown", shop.sandbox.url, retries=0)
    books = StripeBooks(client, "Stripe", live=False)
    intent = wish(shop)
    assert kind_of(lambda: books.carry_out(intent, shop.key())) is Unreachable


def test_another_request_under_a_key_is_refused(shop: Shop) -> None:
    key = shop.key()
    shop.books.carry_out(wish(shop), key)
    assert kind_of(lambda: shop.books.carry_out(wish(shop), key)) is Refused


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (stripe.APIError("down", http_status=503), FailedThere),
        (stripe.APIError("no JSON", http_status=200), Unanswered),
        (stripe.APIError("busy", http_status=409), Unanswered),
        (stripe.RateLimitError("lock", http_status=429), Unreachable),
        (_refusal("no", "id", http_status=400), Refused),
        (_refusal("no", "id", headers={"idempotent-replayed": "true"}), FailedThere),
        (_declined("declined", "card", "card_declined", http_status=402), Refused),
        (stripe.PermissionError("may not", http_status=403), Unreachable),
    ],
    ids=lambda one: one.__name__ if isinstance(one, type) else str(one),
)
def test_each_error_has_one_meaning(error: stripe.StripeError, kind: type[TallygateError]) -> None:
    def fail() -> None:
        with told_apart():
            raise error

    assert kind_of(fail) is kind


def test_an_old_answer_taken_for_a_new_one_would_be_noticed(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failure that is repeated says nothing of the present: looking does."""
    intent, key = wish(shop), shop.key()
    shop.fail("error_after", method="POST")
    assert kind_of(lambda: shop.books.carry_out(intent, key)) is FailedThere
    assert kind_of(lambda: shop.books.carry_out(intent, key)) is FailedThere
    monkeypatch.setattr(errors, "FAILED", 600)
    assert kind_of(lambda: shop.books.carry_out(intent, key)) is FailedThere  # by its header
    monkeypatch.setattr(errors, "REPLAYED", "Another-Header")
    assert kind_of(lambda: shop.books.carry_out(intent, key)) is not FailedThere


def test_an_installation_gets_the_books_that_its_settings_name(shop: Shop) -> None:
    books = open_books(_config(shop.sandbox))
    assert books.name == f"Stripe (test mode, {shop.sandbox.url})"
    assert not books.live
    customer = shop.customer()
    assert books.look(customer, JANUARY) == shop.look(customer)


def _config(sandbox: RunningSandbox) -> Config:
    given = {"STRIPE_SECRET_KEY": "sk_test_tallygate1", "STRIPE_API_BASE": sandbox.url}
    return Config.model_validate(given)


def _customer(intent: Intent) -> str:
    assert isinstance(intent, OpenInvoice)
    return intent.customer
