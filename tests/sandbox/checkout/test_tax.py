"""Checkout: where the buyer is, what tax comes to there, their tax id, and who sells."""

from typing import Any

import pytest
from stripe import InvalidRequestError, StripeClient
from tests.sandbox.checkout.shop import Shop
from tests.sandbox.checkout.test_completion import complete, refused
from tests.sandbox.pages.visitor import follow, visit

from tallygate_sandbox.testing import RunningSandbox

BERN = {"country": "CH", "city": "Bern"}
ON = {"enabled": True}
DAY = 86_400


RATES = {"CH": "8.1", "DE": "19"}


@pytest.fixture(autouse=True)
def registered(sandbox: RunningSandbox) -> None:
    sandbox.control("settings/taxes", {"rates": RATES})


def test_tax_is_that_of_the_address_that_is_filled_in(
    sandbox: RunningSandbox, client: StripeClient, shop: Shop
) -> None:
    sandbox.control("settings/taxes", {"rates": RATES})
    session = shop.open(automatic_tax=ON)
    assert (session.automatic_tax.status, session.amount_total) == (
        "requires_location_inputs",
        2500,
    )
    error = refused(sandbox, session.id, email="a@example.com")
    assert (error["code"], error["param"]) == ("customer_tax_location_invalid", "address")
    assert client.v1.checkout.sessions.retrieve(session.id).status == "open"
    done = complete(sandbox, session.id, email="a@example.com", address=BERN)
    assert done["automatic_tax"]["status"] == "complete"
    assert (done["amount_total"], done["total_details"]["amount_tax"]) == (2703, 203)  # 202.5
    subscription = client.v1.subscriptions.retrieve(done["subscription"])
    assert subscription.automatic_tax.enabled
    invoice = client.v1.invoices.retrieve(done["invoice"])
    assert (invoice.amount_paid, invoice.automatic_tax.status) == (2703, "complete")
    customer = client.v1.customers.retrieve(done["customer"])
    assert customer.address is not None
    assert customer.address.country == "CH"
    sandbox.advance_to(session.created + 32 * DAY)
    assert client.v1.invoices.list({"customer": customer.id}).data[0].amount_paid == 2703


@pytest.mark.parametrize("with_invoice", [False, True])
def test_a_single_payment_is_taxed_too(
    sandbox: RunningSandbox, client: StripeClient, shop: Shop, *, with_invoice: bool
) -> None:
    session = shop.open(
        mode="payment",
        line_items=[{"price": shop.once, "quantity": 1}],
        automatic_tax=ON,
        invoice_creation={"enabled": with_invoice},
    )
    done = complete(sandbox, session.id, email="a@example.com", address={"country": "DE"})
    paid = client.v1.payment_intents.retrieve(done["payment_intent"]) if not with_invoice else None
    invoice = client.v1.invoices.retrieve(done["invoice"]) if with_invoice else None
    assert done["amount_total"] == 11781 == (invoice.amount_paid if invoice else paid.amount)  # type: ignore[union-attr]  # one of both


def test_a_customer_who_is_somewhere_is_taxed_there(
    sandbox: RunningSandbox, client: StripeClient, shop: Shop
) -> None:
    nowhere = client.v1.customers.create({"email": "a@example.com"}).id
    with pytest.raises(InvalidRequestError, match="valid address on the Customer") as error:
        shop.open(customer=nowhere, automatic_tax=ON)
    assert error.value.code == "customer_tax_location_invalid"
    session = shop.open(
        customer=nowhere, automatic_tax=ON, customer_update={"address": "auto", "name": "auto"}
    )
    done = complete(sandbox, session.id, address={"country": "DE"})
    assert done["amount_total"] == 2975
    known: Any = {"email": "b@example.com", "address": BERN}
    session = shop.open(customer=client.v1.customers.create(known).id, automatic_tax=ON)
    assert (session.automatic_tax.status, session.amount_total) == ("complete", 2703)
    done = complete(sandbox, session.id, address={"country": "DE"})  # which is kept nowhere
    assert done["amount_total"] == 2703
    assert client.v1.invoices.retrieve(done["invoice"]).amount_paid == 2703
    known["tax_exempt"] = "exempt"
    freed = client.v1.customers.create(known).id
    assert shop.open(customer=freed, automatic_tax=ON).amount_total == 2500


def test_nothing_is_sold_while_tax_cannot_be_calculated(
    sandbox: RunningSandbox, client: StripeClient, shop: Shop
) -> None:
    session = shop.open(automatic_tax=ON)
    sandbox.control("settings/taxes", {"fails": True})
    error = refused(sandbox, session.id, email="a@example.com", address=BERN)
    assert error["code"] == "taxes_calculation_failed"
    assert client.v1.checkout.sessions.retrieve(session.id).payment_status == "unpaid"
    sandbox.control("settings/taxes", {"fails": False})
    assert (
        complete(sandbox, session.id, email="a@example.com", address=BERN)["amount_total"] == 2703
    )


def test_a_tax_id_is_collected_and_kept(
    sandbox: RunningSandbox, client: StripeClient, shop: Shop
) -> None:
    session = shop.open(tax_id_collection={"enabled": True})
    assert session.tax_id_collection is not None
    assert session.tax_id_collection.to_dict() == {"enabled": True, "required": "never"}
    done = complete(sandbox, session.id, email="a@example.com")
    assert done["customer_details"]["tax_ids"] == []
    vat = {"type": "eu_vat", "value": "DE123456789"}
    session = shop.open(tax_id_collection={"enabled": True, "required": "if_supported"})
    person = {"email": "b@example.com", "name": "Ada"}
    assert refused(sandbox, session.id, **person)["param"] == "tax_id"
    assert refused(sandbox, session.id, **person, address={"country": "DE"})["param"] == "tax_id"
    wrong = {"type": "eu_vat", "value": "1"}
    assert refused(sandbox, session.id, **person, tax_id=wrong)["code"] == "tax_id_invalid"
    assert refused(sandbox, session.id, **person, tax_id={"kind": "eu_vat"})["param"] == "tax_id"
    done = complete(sandbox, session.id, **person, tax_id=vat, business_name="Ada GmbH")
    told = done["customer_details"]
    assert (told["tax_ids"], told["business_name"], told["name"]) == ([vat], "Ada GmbH", "Ada")
    customer: Any = client.v1.customers.retrieve(done["customer"], {"expand": ["tax_ids"]})
    assert [(one.type, one.value) for one in customer.tax_ids.data] == [tuple(vat.values())]
    assert (customer.name, customer.business_name) == ("Ada GmbH", "Ada GmbH")
    invoice = client.v1.invoices.retrieve(done["invoice"])
    assert [one.value for one in invoice.customer_tax_ids or []] == ["DE123456789"]
    with pytest.raises(InvalidRequestError) as error:
        shop.open(customer=customer.id, tax_id_collection={"enabled": True})
    assert error.value.param == "customer_update[name]"
    again = shop.open(
        customer=customer.id, tax_id_collection={"enabled": True}, customer_update={"name": "auto"}
    )
    complete(sandbox, again.id, tax_id=vat)
    assert len(client.v1.customers.tax_ids.list(customer.id).data) == 1
    session = shop.open(tax_id_collection={"enabled": True, "required": "if_supported"})
    nowhere = {"country": "GL"}  # Greenland has no tax id that Stripe knows
    assert complete(sandbox, session.id, **person, address=nowhere)["status"] == "complete"


def test_managed_payments_sell_and_are_seen_everywhere(
    sandbox: RunningSandbox, client: StripeClient, shop: Shop
) -> None:
    sandbox.control("settings/taxes", {"rates": RATES})
    session = shop.open(managed_payments={"enabled": True})
    assert session.managed_payments is not None
    assert session.managed_payments.enabled
    assert session.automatic_tax.enabled
    done = complete(sandbox, session.id, email="a@example.com", address=BERN)
    subscription = client.v1.subscriptions.retrieve(done["subscription"])
    assert subscription.managed_payments is not None
    assert subscription.managed_payments.enabled
    (payment,) = client.v1.invoice_payments.list({"invoice": done["invoice"]}).data
    intent = client.v1.payment_intents.retrieve(str(payment.payment.payment_intent))
    assert intent.managed_payments is not None
    assert intent.managed_payments.enabled
    assert intent.amount == 2703
    with pytest.raises(InvalidRequestError) as error:
        client.v1.subscriptions.update(
            subscription.id,
            {"default_payment_method": str(subscription.default_payment_method)},
        )
    assert error.value.param == "default_payment_method"
    once = shop.open(
        mode="payment",
        line_items=[{"price": shop.once, "quantity": 1}],
        managed_payments={"enabled": True},
    )
    done = complete(sandbox, once.id, email="a@example.com", address=BERN)
    intent = client.v1.payment_intents.retrieve(done["payment_intent"])
    assert intent.managed_payments is not None
    assert intent.managed_payments.enabled


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"automatic_tax": ON}, "automatic_tax"),
        ({"tax_id_collection": ON}, "tax_id_collection"),
        (
            {"subscription_data": {"default_tax_rates": ["txr_any"]}},
            "subscription_data[default_tax_rates]",
        ),
        ({"ui_mode": "elements", "success_url": None}, "ui_mode"),
        ({"mode": "setup", "line_items": None, "currency": "usd"}, "mode"),
    ],
)
def test_what_goes_with_no_managed_payments(
    shop: Shop, change: dict[str, Any], param: str
) -> None:
    with pytest.raises(InvalidRequestError) as error:
        shop.open(managed_payments={"enabled": True}, **change)
    assert error.value.param == param


def test_a_link_may_collect_tax_ids_and_be_managed(client: StripeClient, shop: Shop) -> None:
    lines: Any = [{"price": shop.monthly, "quantity": 1}]
    links = client.v1.payment_links
    link = links.create({"line_items": lines, "tax_id_collection": {"enabled": True}})
    assert link.tax_id_collection.to_dict() == {"enabled": True, "required": "never"}
    managed = links.create({"line_items": lines, "managed_payments": {"enabled": True}})
    assert managed.managed_payments is not None
    assert managed.managed_payments.enabled
    with pytest.raises(InvalidRequestError) as error:
        links.create({"line_items": lines, "managed_payments": ON, "automatic_tax": ON})  # type: ignore[typeddict-item]  # of parts
    assert error.value.param == "automatic_tax"


@pytest.mark.parametrize("ui_mode", ["embedded_page", "elements", "form"])
def test_a_session_in_the_shops_own_page_is_completed(
    sandbox: RunningSandbox, client: StripeClient, shop: Shop, ui_mode: str
) -> None:
    address = {"return_url": "http://127.0.0.1:9/back"} if ui_mode != "form" else {}
    session = shop.open(ui_mode=ui_mode, success_url=None, **address)
    assert session.url is None
    assert session.client_secret is not None
    assert session.client_secret.startswith(f"{session.id}_secret_")
    other = shop.open(ui_mode=ui_mode, success_url=None, **address)
    assert str(other.client_secret).partition("_secret_")[2] not in session.client_secret
    assert session.return_url == address.get("return_url")
    done = complete(sandbox, session.id, email="a@example.com")
    assert (done["status"], done["payment_status"]) == ("complete", "paid")
    assert client.v1.checkout.sessions.retrieve(session.id).subscription == done["subscription"]


def test_an_embedded_page_leads_somewhere_or_says_that_it_does_not(shop: Shop) -> None:
    embedded: dict[str, Any] = {"ui_mode": "embedded_page", "success_url": None}
    with pytest.raises(InvalidRequestError) as error:
        shop.open(**embedded)
    assert error.value.param == "return_url"
    stays = shop.open(**embedded, redirect_on_completion="never")
    assert (stays.redirect_on_completion, stays.return_url) == ("never", None)
    with pytest.raises(InvalidRequestError) as error:
        shop.open(**embedded, redirect_on_completion="never", return_url="http://127.0.0.1:9/")
    assert error.value.param == "return_url"
    with pytest.raises(InvalidRequestError) as error:
        shop.open(
            ui_mode="elements",
            success_url=None,
            tax_id_collection={"enabled": True, "required": "never"},
        )
    assert error.value.param == "tax_id_collection[required]"


def test_a_links_invoices_are_as_it_says(
    sandbox: RunningSandbox, client: StripeClient, shop: Shop
) -> None:
    told: Any = {"footer": "Thank you", "custom_fields": [{"name": "PO", "value": "7"}]}
    link = client.v1.payment_links.create(
        {
            "line_items": [{"price": shop.monthly, "quantity": 1}],
            "subscription_data": {"invoice_settings": told},
        }
    )
    visited = follow(link.url, visit(link.url))
    assert "Subscribe to Pro plan" in visited.text
    (session,) = client.v1.checkout.sessions.list({"payment_link": link.id}).data
    done = complete(sandbox, session.id, email="a@example.com")
    assert client.v1.invoices.retrieve(done["invoice"]).footer == "Thank you"
