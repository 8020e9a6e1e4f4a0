"""Where Stripe may be otherwise than assumed, the operator gets a sentence, and loses nothing."""

from types import SimpleNamespace
from typing import Any

import pytest
import stripe
from tests.workflows.stripe_account import TEXT, Account

from tallygate.adapters.stripe.errors import explanation
from tallygate.adapters.stripe.once import ATTEMPTS, make_once
from tallygate.collection import Provider
from tallygate.collection.held import Holdings, PriceList
from tallygate.collection.steps import Step
from tallygate.core.errors import Invalid, Refused, Unreachable
from tallygate.core.failpoints import armed
from tallygate.workflows.mirror.price_list import carry_out, foresee

LONG = "k" * 200
ODD = f"""\
name: shop
currency: usd
links: true
meters:
  calls: {{event: api.call, aggregation: count}}
plans:
  pro.v2:2026:
    prices:
      - {{key: "base.v2:2026-a_b", flat: "29.00", every: month}}
      - {{key: "calls.v2:2026-a_b", meter: calls, per_unit: "0.05"}}
      - {{key: {LONG}, meter: calls, per_unit: "0.05"}}
prices:
  - {{key: "vm.cpx31:fsn-1_x", per_unit: "25.00", every: month}}
resources:
  vm: {{price: "vm.cpx31:fsn-1_x"}}
"""


def test_keys_come_back_with_all_their_letters(account: Account) -> None:
    """Products, meters and links are named after them; a long name of a meter is cut."""
    account.publish(ODD)
    left = account.foresee(ODD)
    assert (left.steps, left.obstacles) == ((), ())
    events = [one.event_name for one in account.client.v1.billing.meters.list().data]
    assert sorted(map(len, events)) == [len("calls.v2:2026-a_b"), 100]
    assert [link.plan for link in left.links] == ["pro.v2:2026"]


def test_a_link_with_many_lines_is_known_again(account: Account) -> None:
    """A list shows the first ten lines of a link, and pages the rest."""
    flats = "".join(
        f"      - {{key: f{number}, flat: {{usd: '1.00', eur: '1.00'}}, every: month}}\n"
        for number in range(14)
    )
    text = TEXT.replace("    prices:\n", f"    prices:\n{flats}", 1) + "links: true\n"
    account.publish(text)
    assert account.foresee(text).steps == ()
    assert account.publish(text.replace("'1.00', eur", "'2.00', eur"))[-16:-14] == [
        *("create_link", "close_link")
    ]


def stop() -> None:
    raise KeyboardInterrupt


def test_a_product_that_was_deleted_is_made_under_its_id_again(account: Account) -> None:
    """Within the day Stripe answers the first request again: looking shows that it is gone."""
    with armed("mirror.step.after", stop), pytest.raises(KeyboardInterrupt):
        account.publish(TEXT)
    account.client.v1.products.delete("prod_pro")
    assert account.publish(TEXT)[0] == "create_product"
    assert account.client.v1.products.retrieve("prod_pro").active


def test_an_id_that_can_never_be_used_again_ends_with_a_sentence() -> None:
    """Stripe would repeat that it has made what is gone, whatever the key."""
    sent: list[str] = []

    def replayed(options: dict[str, Any]) -> Any:
        sent.append(options["idempotency_key"])
        return SimpleNamespace(
            last_response=SimpleNamespace(headers={"Idempotent-Replayed": "true"})
        )

    with pytest.raises(Unreachable, match="made something that is not there: run the same again"):
        make_once("intent", lambda: False, replayed)
    assert len(set(sent)) == ATTEMPTS


class Late:
    """A provider whose lists do not show yet what was just made."""

    name = "Stripe"

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._shown: Holdings | None = None

    def holdings(self, wanted: PriceList) -> Holdings:
        self._shown = self._shown or self._provider.holdings(wanted)
        return self._shown

    def carry_out(self, step: Step) -> None:
        self._provider.carry_out(step)


def test_what_is_not_shown_yet_is_not_called_done(account: Account) -> None:
    late, catalog = Late(account.provider), account.read(TEXT)
    planned = foresee(account.installation, late, catalog)
    with pytest.raises(Unreachable, match=r"not show all of it yet, .* the product prod_pro"):
        carry_out(account.installation, late, catalog, planned)
    assert account.publish(TEXT) == []  # all of it was made, once


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (stripe.PermissionError("no", http_status=403), Invalid, "may not do this: no"),
        (stripe.IdempotencyError("other", http_status=400), Refused, "refuses this: other"),
        (stripe.RateLimitError("slow", http_status=429), Unreachable, "slow down"),
    ],
)
def test_each_error_of_stripes_is_one_of_ours(
    error: stripe.StripeError, kind: type[Exception], said: str
) -> None:
    told = explanation(error)
    assert isinstance(told, kind)
    assert said in str(told)
