"""A price list is published once, whatever happens on the way."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import stripe
from stripe import StripeObject
from tests.workflows.stripe_account import DEARER, TEXT, Account

from tallygate.adapters.stripe import StripeCatalog, open_client, writing
from tallygate.adapters.stripe.errors import explanation
from tallygate.adapters.stripe.once import make_once
from tallygate.core.errors import Invalid, Refused, Unreachable
from tallygate.core.failpoints import armed
from tallygate.workflows.accounts import create_project
from tallygate.workflows.change import cancel, change_plan
from tallygate.workflows.mirror.price_list import foresee
from tallygate.workflows.operate import create_resource
from tallygate.workflows.publish import apply

EXAMPLES = Path(__file__).parents[2] / "examples"


ONE_OF_EACH = {"products": 1, "meters": 1, "prices": 2, "coupons": 1, "codes": 1, "portals": 1}
KINDS = [
    *("create_product", "create_meter", "create_price", "create_price"),
    *("create_coupon", "create_code", "create_portal"),
]


def test_published_is_published(account: Account) -> None:
    assert [step.kind for step in account.foresee(TEXT).steps] == KINDS
    assert account.publish(TEXT) == KINDS
    assert account.foresee(TEXT).steps == ()
    assert account.publish(TEXT) == []
    assert account.objects() == ONE_OF_EACH


def test_a_price_is_followed_by_another_and_the_old_one_stays(account: Account) -> None:
    account.publish(TEXT)
    prices = account.client.v1.prices
    [old] = prices.list({"lookup_keys": ["base"]}).data
    assert account.publish(DEARER) == ["create_price", "archive_price"]
    [new] = prices.list({"lookup_keys": ["base"]}).data
    assert (new.unit_amount, new.active) == (3100, True)
    old = prices.retrieve(old.id)
    assert (old.unit_amount, old.active, old.lookup_key) == (2900, False, None)


def test_there_and_back_within_a_day_makes_another_price_each_time(account: Account) -> None:
    """Stripe would answer an old key with the first price, which has lost its lookup key."""
    for turn in range(12):
        account.publish(DEARER if turn % 2 else TEXT)
        [price] = account.client.v1.prices.list({"lookup_keys": ["base"]}).data
        assert (price.unit_amount, price.active) == (3100 if turn % 2 else 2900, True)
    assert account.objects()["prices"] == 13


def test_who_has_a_former_price_is_counted(account: Account, platform: Any) -> None:
    apply(account.installation, TEXT)
    account.publish(TEXT)
    platform.subscribed("pro", "acme", currency="usd")
    platform.subscribed("pro", "globex", currency="eur")
    replaced, archived = account.foresee(DEARER).steps
    assert replaced.keeping == 2
    assert replaced.sentence.endswith(
        "31.00 USD or 27.00 EUR a month. The key moves. 2 live subscriptions keep the price they "
        "have."
    )
    assert archived.keeping is None
    apply(account.installation, DEARER)
    account.publish(DEARER)
    platform.subscribed("pro", "initech", currency="usd")
    [back, _] = account.foresee(TEXT).steps
    assert back.keeping == 1  # the two others had this very price


HOSTING = """\
name: hosting
currency: usd
plans:
  small: {prices: [{key: small, flat: "9.00", every: month}]}
  large: {prices: [{key: large, flat: "19.00", every: month}]}
prices:
  - {key: vm_monthly, per_unit: "25.00", every: month}
  - {key: disk_monthly, per_unit: "1.00", every: month}
resources:
  vm: {price: vm_monthly}
  disk: {price: disk_monthly}
"""


def test_those_count_that_have_the_price_now(account: Account, platform: Any) -> None:
    """Not who has left, nor who has changed the plan; and of resources, who has some."""
    installation = account.installation
    apply(installation, HOSTING)
    account.publish(HOSTING)
    names = ("stays", "leaves", "left", "changes", "rents")
    _, leaves, left, changes, rents = (platform.subscribed("small", name) for name in names)
    create_project(installation, rents.organization, "p", tenant=None, external_id="p")
    create_resource(installation, "p", "vm", tenant=None)
    platform.clock.advance(timedelta(days=1))
    cancel(installation, left.id, now=True)
    cancel(installation, leaves.id)  # at the end of January, which no close has seen yet
    change_plan(installation, changes.id, "large")
    platform.clock.advance(timedelta(days=31))
    dearer = HOSTING.replace("9.00", "8.00").replace("25.00", "24.00").replace("1.00", "2.00")
    steps = {str(one.step).split(":")[0]: one.keeping for one in account.foresee(dearer).steps[:4]}
    assert steps == {
        "Replace the price small": 2,
        "Replace the price large": 1,
        "Replace the price vm_monthly": 1,
        "Replace the price disk_monthly": 0,
    }


def test_what_is_no_longer_sold_leaves_the_shelf(account: Account) -> None:
    account.publish(TEXT)
    bare = TEXT.partition("plans:")[0] + "plans: {free: {name: Free}}\n"
    assert account.publish(bare) == [
        *("switch_code", "archive_price", "archive_price", "archive_product")
    ]
    assert account.foresee(bare).steps == ()
    assert account.publish(TEXT) == [*("sell_product", "sell_price", "sell_price", "switch_code")]
    assert account.objects() == ONE_OF_EACH


def stop() -> None:
    raise KeyboardInterrupt


class Countdown:
    """Stops the world at the n-th time."""

    def __init__(self, times: int) -> None:
        self.left = times

    def __call__(self) -> None:
        self.left -= 1
        if self.left < 0:
            stop()


@pytest.mark.parametrize("done", range(len(KINDS)))
@pytest.mark.parametrize("where", ["mirror.step.before", "mirror.step.after"])
def test_stopped_at_any_step_it_goes_on_from_there(
    account: Account, done: int, where: str
) -> None:
    with armed(where, Countdown(done)), pytest.raises(KeyboardInterrupt):
        account.publish(TEXT)
    carried_out = done + (where == "mirror.step.after")
    assert account.publish(TEXT) == KINDS[carried_out:]
    assert account.objects() == ONE_OF_EACH


@pytest.mark.parametrize("done", range(2))
def test_stopped_while_a_price_is_replaced(account: Account, done: int) -> None:
    account.publish(TEXT)
    with armed("mirror.step.after", Countdown(done)), pytest.raises(KeyboardInterrupt):
        account.publish(DEARER)
    assert account.publish(DEARER) == ["archive_price"][done:]
    assert account.foresee(DEARER).steps == ()
    active = account.client.v1.prices.list({"active": True, "limit": 100}).data
    assert sorted(price.unit_amount or 0 for price in active) == [5, 3100]


@pytest.mark.parametrize("step", range(len(KINDS)))
@pytest.mark.parametrize("kind", ["drop_after", "error_after", "error", "drop"])
def test_an_answer_that_is_lost_is_looked_for(account: Account, kind: str, step: int) -> None:
    """The work was done or not, the connection broke or an error was stored under the key."""
    account.fail(kind, skip=step)
    assert account.publish(TEXT) == KINDS
    assert account.foresee(TEXT).steps == ()
    assert account.objects() == ONE_OF_EACH


@pytest.mark.parametrize("kind", ["drop_after", "error_after"])
def test_a_lost_answer_to_a_replacement_does_not_replace_twice(
    account: Account, kind: str
) -> None:
    account.publish(TEXT)
    account.fail(kind, "/v1/prices")
    account.publish(DEARER)
    assert account.objects()["prices"] == 3


def test_stripe_is_away_for_a_while(account: Account) -> None:
    account.fail("rate_limit")
    with pytest.raises(Unreachable, match=r"Step 1 of 7 failed: .* slow down"):
        account.publish(TEXT)
    account.fail("error", times=10)
    with pytest.raises(Unreachable, match="Stripe failed"):
        account.publish(TEXT)
    account.sandbox.control("faults", method="DELETE")
    assert account.publish(TEXT) == KINDS
    assert account.objects() == ONE_OF_EACH


def test_another_amount_is_another_intent(account: Account) -> None:
    """A stored error must not answer for a price that was corrected since."""
    account.fail("error", "/v1/prices", times=20)
    with pytest.raises(Unreachable):
        account.publish(TEXT)
    account.sandbox.control("faults", method="DELETE")
    assert account.publish(DEARER)[0] == "create_price"
    [price] = account.client.v1.prices.list({"lookup_keys": ["base"]}).data
    assert price.unit_amount == 3100


def test_what_was_deleted_is_made_again_within_the_day(account: Account) -> None:
    """Stripe answers the first key as it did before; looking shows that nothing is there."""
    account.publish(TEXT)
    account.client.v1.coupons.delete("EARLY")
    assert "create_coupon" in account.publish(TEXT)
    assert account.client.v1.coupons.retrieve("EARLY").valid


def test_a_meter_that_adds_up_is_an_obstacle(account: Account) -> None:
    account.client.v1.billing.meters.create(
        {
            "event_name": "calls",
            "display_name": "Calls",
            "default_aggregation": {"formula": "sum"},
        }
    )
    foreseen = account.foresee(TEXT)
    assert "There is a meter calls" in foreseen.obstacles[0]
    assert "create_price" in account.publish(TEXT)  # the flat price
    assert account.objects()["prices"] == 1


def test_what_others_made_is_taken_over_where_it_agrees(account: Account) -> None:
    """As the seeds' own scripts would have made it."""
    v1 = account.client.v1
    v1.products.create({"id": "prod_pro", "name": "Pro plan"})
    v1.prices.create(
        {
            "product": "prod_pro",
            "lookup_key": "base",
            "currency": "usd",
            "unit_amount": 2900,
            "currency_options": {"eur": {"unit_amount": 2700}},
            "recurring": {"interval": "month"},
        }
    )
    done = account.publish(TEXT)
    assert done == ["rename_product", "create_meter", "create_price", *KINDS[4:]]
    assert account.publish(DEARER) == ["create_price"]  # and the one of others stays in sale
    bare = TEXT.partition("plans:")[0] + "plans: {free: {name: Free}}\n"
    assert "archive_product" not in account.publish(bare)


def test_two_runs_at_once_make_no_second_attempt() -> None:
    """The other one's request is under way with the same key: its outcome is not known yet."""
    made: list[str] = []

    def busy(options: dict[str, Any]) -> StripeObject:
        made.append(options["idempotency_key"])
        raise stripe.APIError("in use", http_status=409)

    with pytest.raises(stripe.APIError):
        make_once("tallygate-price", lambda: False, busy)
    assert made == ["tallygate-price-1"]
    sentence = str(explanation(stripe.APIError("in use", http_status=409)))
    assert sentence.endswith("run the same again: nothing is done twice.")


def test_a_wrong_key_is_said_and_not_shown(account: Account) -> None:
    wrong = open_client("not_a_key_of_stripes", account.sandbox.url, retries=0)
    provider = StripeCatalog(wrong, "Stripe")
    with pytest.raises(Invalid, match="does not know this key") as caught:
        foresee(account.installation, provider, account.read(TEXT))
    assert "not_a_key" not in str(caught.value)


def test_a_refusal_names_its_step(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = writing.price

    def too_fine(*given: Any, **more: Any) -> writing.Params:
        return {**broken(*given, **more), "unit_amount_decimal": "0.0000000000001"}

    monkeypatch.setattr(writing, "price", too_fine)
    with pytest.raises(Refused, match=r"Step 3 of 7 failed: .* Stripe refuses this: "):
        account.publish(TEXT)
    monkeypatch.undo()
    assert account.publish(TEXT) == KINDS[2:]


def test_prices_beyond_one_page_are_found(account: Account) -> None:
    """Lookup keys go in tens, products in hundreds."""
    keys = [
        f'{{key: k{number}, flat: {{usd: "1.00", eur: "1.00"}}, every: month}}'
        for number in range(23)
    ]
    listed = "".join(f"      - {key}\n" for key in keys)
    text = TEXT.replace("coupons:", f"  many:\n    prices:\n{listed}coupons:")
    account.publish(text)
    assert account.foresee(text).steps == ()
    assert len(account.publish(TEXT)) == 24  # and they leave the shelf, with their product
