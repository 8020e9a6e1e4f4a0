"""What an account of Stripe's sets in the dashboard is set by a request here."""

from urllib.error import HTTPError

import pytest
from stripe import StripeClient

from tallygate_sandbox.testing import RunningSandbox

START, HOUR, DAY = 1_767_225_600, 3600, 86_400


def test_the_grace_and_what_follows_the_last_retry(
    sandbox: RunningSandbox, client: StripeClient
) -> None:
    chosen = {"grace_seconds": 72 * HOUR, "retry_days": [1], "then": "mark_unpaid"}
    assert sandbox.control("settings/invoices", chosen) == chosen
    customer = client.v1.customers.create({"name": "Late"}).id
    client.v1.payment_methods.attach("pm_card_visa", {"customer": customer})
    card = client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer})
    price = client.v1.prices.create(
        {
            "currency": "usd",
            "unit_amount": 2900,
            "recurring": {"interval": "month"},
            "product_data": {"name": "Starter"},
        }
    )
    good = client.v1.payment_methods.list({"customer": customer}).data[-1].id
    subscription = client.v1.subscriptions.create(
        {"customer": customer, "items": [{"price": price.id}], "default_payment_method": good}
    )
    client.v1.subscriptions.update(subscription.id, {"default_payment_method": card.id})
    boundary = START + 31 * DAY
    sandbox.advance_to(boundary + 71 * HOUR)
    draft = client.v1.invoices.list({"customer": customer}).data[0]
    assert (draft.status, draft.automatically_finalizes_at) == ("draft", boundary + 72 * HOUR)
    sandbox.advance_to(boundary + 73 * HOUR)
    assert client.v1.subscriptions.retrieve(subscription.id).status == "past_due"
    sandbox.advance_to(boundary + 73 * HOUR + DAY)
    assert client.v1.subscriptions.retrieve(subscription.id).status == "unpaid"


def test_null_takes_a_setting_back(sandbox: RunningSandbox) -> None:
    sandbox.control("settings/meters", {"lag_seconds": 60})
    assert sandbox.control("settings/meters", {"lag_seconds": None}) == {}


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("dashboard", {"a": 1}),
        ("invoices", {"grace": 1}),
        ("invoices", {"grace_seconds": 73 * HOUR}),
        ("invoices", {"retry_days": [0]}),
        ("invoices", {"retry_days": 3}),
        ("invoices", {"then": "forget"}),
        ("meters", {"lag_seconds": -1}),
    ],
)
def test_settings_that_make_no_sense(
    sandbox: RunningSandbox, name: str, body: dict[str, object]
) -> None:
    with pytest.raises(HTTPError) as refused:
        sandbox.control(f"settings/{name}", body)
    assert refused.value.code in {400, 404}
    refused.value.close()
