"""What is sent to Stripe is what was meant, and comes back as it was sent."""

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.sandbox.conftest import StrictClient
from tests.workflows.stripe_account import TEXT, Account

from tallygate.adapters.stripe import StripeCatalog, open_client, writing
from tallygate.collection.held import Asked, HeldPrice, HeldTier

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_what_stripe_holds_is_what_was_meant(account: Account) -> None:
    account.publish(TEXT)
    v1 = account.client.v1
    expand = {"expand": ["data.currency_options"], "lookup_keys": ["calls"]}
    [price] = v1.prices.list(expand).data  # type: ignore[arg-type]  # a TypedDict of these
    [meter] = v1.billing.meters.list().data
    assert price.recurring is not None
    assert (price.recurring.usage_type, price.recurring.meter) == ("metered", meter.id)
    assert price.currency == "usd"
    assert price.unit_amount == 5
    assert price.to_dict()["currency_options"]["eur"]["unit_amount"] == 4
    assert (meter.event_name, meter.default_aggregation.formula) == ("calls", "last")
    coupon = v1.coupons.retrieve("EARLY")
    assert (coupon.percent_off, coupon.duration_in_months) == (12.5, 3)


@pytest.mark.parametrize(
    "path", sorted(EXAMPLES.glob("*/catalog.yaml")), ids=lambda path: path.parent.name
)
def test_the_examples_can_be_published(account: Account, path: Path) -> None:
    text = path.read_text("utf-8")
    assert account.publish(text)
    left = account.foresee(text)
    assert (left.steps, left.obstacles) == ((), ())


def test_all_shapes_come_back_as_they_were_sent(account: Account) -> None:
    text = (
        TEXT.replace("currency: [usd, eur]", "currency: [jpy, usd, kwd]")
        .replace('{usd: "29.00", eur: "27.00"}', '{jpy: "2900", usd: "29.00", kwd: "8.125"}')
        .replace(
            'included: 100, per_unit: {usd: "0.05", eur: "0.04"}',
            'volume: [{up_to: 5, unit: {jpy: "0.000000000001", usd: "1", kwd: "1"}}, '
            '{flat: {jpy: "100", usd: "0.50", kwd: "0.005"}, '
            'unit: {jpy: "0.5", usd: "0.005", kwd: "0"}}]',
        )
        .replace('percent_off: "12.5"', 'amount_off: {jpy: "500", kwd: "1.125"}')
        .replace(
            "max_redemptions: 10", "redeem_by: 2026-06-30T23:59:59Z, applies_to: [base, calls]"
        )
    )
    account.publish(text)
    left = account.foresee(text)
    assert (left.steps, left.obstacles) == ((), ())


class Forgetful(StrictClient):
    """A Stripe that shows the tiers of other currencies only where they are asked for."""

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        **more: Any,
    ) -> tuple[Any, int, Mapping[str, str]]:
        body, status, received = super().request(method, url, headers, post_data, **more)
        if method == "get" and "/v1/prices?" in url:
            answer = json.loads(body)
            for price in answer["data"]:
                for option in price.get("currency_options", {}).values():
                    del option["tiers"]
            body = json.dumps(answer)
        return body, status, received


def test_tiers_of_other_currencies_are_asked_for(account: Account) -> None:
    text = (EXAMPLES / "ktrlplane" / "catalog.yaml").read_text("utf-8")
    account.publish(text)
    url = account.sandbox.url
    account.provider = StripeCatalog(
        open_client("sk_test_1", url, http_client=Forgetful(), retries=0), "Stripe"
    )
    assert account.foresee(text).steps == ()


def test_amounts_travel_as_plain_text() -> None:
    """As text of its own the SDK would write 0.0000005 as 5E-7."""
    rates = {"usd": Asked(Decimal("0.0000005")), "eur": Asked(Decimal("1E+3"))}
    sent = writing.price(HeldPrice("k", "p", "month", rates, "k"), "mtr_1", takes_key=False)
    assert sent["unit_amount_decimal"] == "0.0000005"
    assert sent["currency_options"] == {"eur": {"unit_amount_decimal": "1000"}}
    tier = HeldTier(None, Decimal("5E-7"), Decimal("1E+2"))
    tiered = HeldPrice("k", "p", "month", {"usd": Asked(None, (tier,))}, mode="volume")
    assert writing.price(tiered, None, takes_key=False)["tiers"] == [
        {"up_to": "inf", "unit_amount_decimal": "0.0000005", "flat_amount_decimal": "100"}
    ]
