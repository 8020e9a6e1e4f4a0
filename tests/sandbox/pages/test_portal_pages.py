"""What a customer does in the portal, by plain requests."""

import re
from typing import Any
from urllib.parse import urljoin

import pytest
from stripe import InvalidRequestError, StripeClient
from tests.sandbox.checkout.shop import Shop
from tests.sandbox.checkout.test_completion import complete
from tests.sandbox.conftest import START
from tests.sandbox.pages.visitor import follow, visit

from tallygate_sandbox.testing import RunningSandbox

DAY = 86_400
FEBRUARY = START + 31 * DAY


@pytest.fixture
def bought(sandbox: RunningSandbox, shop: Shop) -> dict[str, Any]:
    return complete(sandbox, shop.open().id, email="ada@example.com", name="Ada")


def portal(client: StripeClient, bought: dict[str, Any], **more: Any) -> str:
    params: Any = {"customer": bought["customer"], **more}
    return client.v1.billing_portal.sessions.create(params).url


def test_it_shows_the_plan_the_card_and_the_invoices(
    client: StripeClient, bought: dict[str, Any]
) -> None:
    page = visit(portal(client, bought, return_url="http://127.0.0.1:9/account"))
    for said in ("Pro plan", "$25.00 per month", "Renews on 1 Feb 2026", "Visa ending in 4242"):
        assert said in page.text
    assert "ada@example.com" in page.text
    assert 'href="http://127.0.0.1:9/account"' in page.html
    invoice = client.v1.invoices.retrieve(bought["invoice"])
    assert str(invoice.hosted_invoice_url).partition("/i/")[2] in page.html
    assert "Change plan" not in page.text


def test_a_flexible_plan_is_canceled_by_a_date_and_kept_after_all(
    client: StripeClient, bought: dict[str, Any]
) -> None:
    url = portal(client, bought)
    ident = bought["subscription"]
    asked = visit(f"{url}/cancel/{ident}")
    assert "It stays until 1 Feb 2026" in asked.text
    said = follow(url, visit(f"{url}/cancel/{ident}", {}))
    assert "Ends on 1 Feb 2026" in said.text
    subscription = client.v1.subscriptions.retrieve(ident)
    assert subscription.cancel_at == FEBRUARY
    assert subscription.cancel_at_period_end is False
    kept = follow(url, visit(f"{url}/resume/{ident}", {}))
    assert "Your plan goes on." in kept.text
    assert client.v1.subscriptions.retrieve(ident).cancel_at is None


def test_a_classic_plan_is_canceled_by_the_flag(
    sandbox: RunningSandbox, client: StripeClient, shop: Shop
) -> None:
    session = shop.open(subscription_data={"billing_mode": {"type": "classic"}})
    done = complete(sandbox, session.id, email="a@example.com")
    url = portal(client, done)
    visit(f"{url}/cancel/{done['subscription']}", {})
    assert client.v1.subscriptions.retrieve(done["subscription"]).cancel_at_period_end is True


def test_a_configuration_may_cancel_at_once_and_asks_why(
    client: StripeClient, bought: dict[str, Any]
) -> None:
    configuration = client.v1.billing_portal.configurations.create(
        {
            "features": {
                "subscription_cancel": {
                    "enabled": True,
                    "mode": "immediately",
                    "cancellation_reason": {"enabled": True, "options": ["unused"]},
                }
            }
        }
    ).id
    url = portal(client, bought, configuration=configuration)
    address = f"{url}/cancel/{bought['subscription']}"
    assert "It ends at once." in visit(address).text
    visit(address, {"reason": "unused"})
    ended = client.v1.subscriptions.retrieve(bought["subscription"])
    assert ended.status == "canceled"
    assert ended.cancellation_details is not None
    assert ended.cancellation_details.feedback == "unused"


def test_what_is_not_enabled_is_refused(client: StripeClient, bought: dict[str, Any]) -> None:
    nothing = client.v1.billing_portal.configurations.create(
        {"features": {"invoice_history": {"enabled": True}}}
    ).id
    url = portal(client, bought, configuration=nothing)
    page = visit(url)
    for missing in ("Cancel plan", "Change card", "Change details"):
        assert missing not in page.text
    for action in (f"cancel/{bought['subscription']}", f"resume/{bought['subscription']}"):
        assert visit(f"{url}/{action}", {}).status == 403
    assert visit(f"{url}/plan/{bought['subscription']}", {"price": "any"}).status == 403
    for address in ("card", "details", f"plan/{bought['subscription']}"):
        assert visit(f"{url}/{address}").status == 403
    assert client.v1.subscriptions.retrieve(bought["subscription"]).cancel_at is None


def test_a_plan_is_switched_to_one_that_is_offered(
    client: StripeClient, shop: Shop, bought: dict[str, Any]
) -> None:
    product = str(client.v1.prices.retrieve(shop.monthly).product)
    big = client.v1.products.create({"name": "Business plan"}).id
    price = client.v1.prices.create(
        {
            "product": big,
            "currency": "usd",
            "unit_amount": 9900,
            "recurring": {"interval": "month"},
        }
    ).id
    configuration = client.v1.billing_portal.configurations.create(
        {
            "features": {
                "subscription_update": {
                    "enabled": True,
                    "default_allowed_updates": ["price"],
                    "proration_behavior": "create_prorations",
                    "products": [
                        {"product": product, "prices": [shop.monthly]},
                        {"product": big, "prices": [price]},
                    ],
                }
            }
        }
    ).id
    url = portal(client, bought, configuration=configuration)
    address = f"{url}/plan/{bought['subscription']}"
    page = visit(address)
    assert "Business plan $99.00 per month" in page.text
    assert visit(address, {"price": shop.yearly}).status == 400
    assert "Your plan has changed." in follow(url, visit(address, {"price": price})).text
    (item,) = client.v1.subscription_items.list({"subscription": bought["subscription"]}).data
    assert item.price.id == price
    pending = client.v1.invoice_items.list({"customer": bought["customer"]}).data
    assert sorted(one.amount for one in pending) == [-2500, 9900]


def test_another_card_pays_from_now_on(
    sandbox: RunningSandbox, client: StripeClient, bought: dict[str, Any]
) -> None:
    url = portal(client, bought)
    refused = visit(f"{url}/card", {"card": "4000 0000 0000 0002"})
    assert (refused.status, "Your card was declined." in refused.text) == (402, True)
    page = follow(url, visit(f"{url}/card", {"number": "5555 5555 5555 4444"}))
    assert "Mastercard ending in 4444" in page.text
    customer = client.v1.customers.retrieve(bought["customer"])
    assert customer.invoice_settings is not None
    subscription = client.v1.subscriptions.retrieve(bought["subscription"])
    chosen = subscription.default_payment_method
    assert chosen == customer.invoice_settings.default_payment_method
    sandbox.advance_to(FEBRUARY + 2 * 3600)
    charge = client.v1.charges.list({"customer": bought["customer"]}).data[0]
    assert charge.payment_method == chosen


def test_details_are_changed_as_far_as_allowed(
    client: StripeClient, bought: dict[str, Any]
) -> None:
    url = portal(client, bought)
    sent = {"name": "Ada Lovelace", "email": "nobody", "city": "London", "country": "GB"}
    assert "Invalid email address" in visit(f"{url}/details", sent).text
    saved = follow(url, visit(f"{url}/details", sent | {"email": "new@example.com"}))
    assert "Your details were saved." in saved.text
    customer = client.v1.customers.retrieve(bought["customer"])
    assert (customer.name, customer.email) == ("Ada Lovelace", "new@example.com")
    assert customer.address is not None
    assert customer.address.city == "London"


def test_shipping_and_a_tax_id_are_changed_where_allowed(
    client: StripeClient, bought: dict[str, Any]
) -> None:
    features: Any = {
        "customer_update": {"enabled": True, "allowed_updates": ["shipping", "tax_id"]}
    }
    made = client.v1.billing_portal.configurations.create({"features": features})
    url = portal(client, bought, configuration=made.id)
    assert "Kind of tax ID" in visit(f"{url}/details").text
    assert "E-mail" not in visit(f"{url}/details").text
    sent = {
        "name": "Nobody",
        "shipping_name": "Ada's lab",
        "shipping_line1": "1 Rack Street",
        "shipping_city": "Bern",
        "shipping_country": "CH",
        "tax_id_type": "eu_vat",
        "tax_id": "wrong",
    }
    refused = visit(f"{url}/details", sent)
    assert (refused.status, "Invalid value for eu_vat." in refused.text) == (400, True)
    assert 'value="1 Rack Street"' in refused.html
    saved = follow(url, visit(f"{url}/details", sent | {"tax_id": "DE123456789"}))
    assert "Ada's lab, 1 Rack Street, Bern, CH" in saved.text
    assert "DE123456789 eu vat" in saved.text
    customer: Any = client.v1.customers.retrieve(bought["customer"], {"expand": ["tax_ids"]})
    assert (customer.name, customer.shipping.address.city) == ("Ada", "Bern")
    first = customer.tax_ids.data[0]
    assert (first.type, first.value) == ("eu_vat", "DE123456789")
    visit(f"{url}/details", {"tax_id_type": "ch_vat", "tax_id": "CHE-123.456.789 MWST"})
    (second,) = client.v1.customers.tax_ids.list(bought["customer"]).data
    assert second.type == "ch_vat"
    visit(f"{url}/details", {"tax_id_type": "ch_vat", "tax_id": ""})
    assert client.v1.customers.tax_ids.list(bought["customer"]).data == []


def test_an_expired_address_leads_to_a_new_one_where_that_was_wanted(
    sandbox: RunningSandbox, client: StripeClient, bought: dict[str, Any]
) -> None:
    login = {"type": "customer_login", "customer_login": {"expires_at": START + 2 * DAY}}
    url = portal(client, bought, after_expiration=login)
    assert visit(f"{url}/login").status == 404
    sandbox.advance_to(START + DAY)
    page = follow(url, visit(url))
    assert "Send link" in page.text
    assert visit(f"{url}/login", {"email": "eve@example.com"}).status == 404
    again = visit(f"{url}/login", {"email": "ada@example.com"})
    found = re.search(r'class="button" href="([^"]+)"', again.html)
    assert found is not None
    assert "Your plan and billing" in visit(urljoin(url, found[1])).text
    sandbox.advance_to(START + 2 * DAY)
    assert visit(url).status == 404
    assert visit(f"{url}/login", {"email": "ada@example.com"}).status == 404
    with pytest.raises(InvalidRequestError, match="future"):
        portal(client, bought, after_expiration=login)


def test_a_flow_goes_straight_to_its_page_and_back(
    client: StripeClient, bought: dict[str, Any]
) -> None:
    flow = {
        "type": "subscription_cancel",
        "subscription_cancel": {"subscription": bought["subscription"]},
        "after_completion": {
            "type": "redirect",
            "redirect": {"return_url": "http://127.0.0.1:9/gone"},
        },
    }
    url = portal(client, bought, flow_data=flow)
    page = follow(url, visit(url))
    assert "Cancel your plan" in page.text
    assert visit(f"{url}/cancel/{bought['subscription']}", {}).leads == "http://127.0.0.1:9/gone"
    assert "Your plan and billing" in visit(url).text


def test_an_address_lives_for_a_while(
    sandbox: RunningSandbox, client: StripeClient, bought: dict[str, Any]
) -> None:
    unopened, opened = portal(client, bought), portal(client, bought)
    visit(opened)
    sandbox.advance_to(START + 5 * 60)
    assert visit(unopened).status == 404
    assert visit(opened).status == 200
    sandbox.advance_to(START + 3600)
    assert visit(opened).status == 404
    assert visit(f"{sandbox.url}/p/session/test_none").status == 404


def test_nobody_touches_anothers_plan(
    sandbox: RunningSandbox, client: StripeClient, shop: Shop, bought: dict[str, Any]
) -> None:
    other = complete(sandbox, shop.open().id, email="eve@example.com")
    url = portal(client, other)
    assert visit(f"{url}/cancel/{bought['subscription']}").status == 404
    assert visit(f"{url}/cancel/{bought['subscription']}", {}).status == 404
    assert client.v1.subscriptions.retrieve(bought["subscription"]).cancel_at is None


def test_a_login_page_shows_the_link_that_would_be_mailed(
    client: StripeClient, bought: dict[str, Any]
) -> None:
    configuration = client.v1.billing_portal.configurations.create(
        {"features": {"invoice_history": {"enabled": True}}, "login_page": {"enabled": True}}
    )
    address = str(configuration.login_page.url)
    assert visit(address, {"email": "none@example.com"}).status == 404
    assert "/p/session/test_" in visit(address, {"email": "ada@example.com"}).html
    client.v1.billing_portal.configurations.update(
        configuration.id, {"login_page": {"enabled": False}}
    )
    assert visit(address).status == 404
