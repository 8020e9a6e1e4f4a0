"""Do the pages work for a person, in a real browser without scripts?"""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from stripe import StripeClient
from tests.sandbox.checkout.shop import Shop
from tests.sandbox.pages import browsers

from tallygate_sandbox.testing import RunningSandbox

WIDTHS = (1280, 390)


class ShopPage(BaseHTTPRequestHandler):
    """The integration's own site: it says where one has come."""

    def do_GET(self) -> None:
        body = f"<title>Shop</title><h1>Shop {self.path}</h1>".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), ShopPage)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def browser(pytestconfig: pytest.Config) -> Iterator[Browser | None]:
    """One for all; each test has a context, a person's own, in it."""
    capturing: Any = pytestconfig.pluginmanager.getplugin("capturemanager")
    with browsers.a_browser(capturing.global_and_fixture_disabled) as found:
        yield found


def a_page(browser: Browser, width: int = 1280) -> tuple[Page, list[str]]:
    """A page without scripts, and what the browser complains about."""
    viewport: Any = {"width": width, "height": 900}
    page = browser.new_context(viewport=viewport, java_script_enabled=False).new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    return page, complaints


def overflows(page: Page) -> bool:
    wide = page.locator("html").evaluate("e => e.scrollWidth - e.clientWidth")
    return bool(wide > 0)


@pytest.mark.parametrize("width", WIDTHS)
def test_checkout_portal_and_invoice_in_one_visit(
    browser: Browser | None, client: StripeClient, shop: Shop, site: str, width: int
) -> None:
    if browser is None:
        return
    page, complaints = a_page(browser, width)
    session = shop.open(
        success_url=f"{site}/ok?session={{CHECKOUT_SESSION_ID}}", cancel_url=f"{site}/no"
    )
    page.goto(str(session.url))
    assert not overflows(page)
    page.get_by_role("link", name="Back").click()
    assert page.get_by_role("heading").inner_text() == "Shop /no"

    page.goto(str(session.url))
    page.get_by_label("E-mail").fill("ada@example.com")
    page.get_by_label("Has insufficient funds").check()
    page.get_by_role("button", name="Subscribe").click()
    assert "insufficient funds" in page.get_by_role("alert").inner_text()
    assert page.get_by_label("E-mail").input_value() == "ada@example.com"
    page.get_by_label("Asks for 3-D Secure").check()
    page.get_by_role("button", name="Subscribe").click()
    page.get_by_role("button", name="Fail").click()
    assert "authentication" in page.get_by_role("alert").inner_text()
    page.get_by_label("Asks for 3-D Secure").check()
    page.get_by_role("button", name="Subscribe").click()
    assert not overflows(page)
    page.get_by_role("button", name="Complete").click()
    assert page.get_by_role("heading").inner_text() == f"Shop /ok?session={session.id}"

    done = client.v1.checkout.sessions.retrieve(session.id)
    portal = client.v1.billing_portal.sessions.create(
        {"customer": str(done.customer), "return_url": f"{site}/account"}
    )
    page.goto(portal.url)
    assert not overflows(page)
    page.get_by_role("link", name="Cancel plan").click()
    page.get_by_role("button", name="Cancel plan").click()
    assert "will not renew" in page.get_by_role("status").inner_text()
    page.get_by_role("button", name="Keep the plan").click()
    assert "goes on" in page.get_by_role("status").inner_text()
    page.get_by_role("link", name="Change card").click()
    page.get_by_label("Or another test card's number").fill("5555 5555 5555 4444")
    page.get_by_role("button", name="Use this card").click()
    assert page.get_by_text("Mastercard ending in 4444").is_visible()
    page.get_by_role("link", name="Invoice", exact=False).first.click()
    assert page.get_by_role("heading", name="Invoice").is_visible()
    assert not overflows(page)
    assert all("402" in complaint for complaint in complaints), complaints


@pytest.mark.parametrize("width", WIDTHS)
def test_tax_and_a_tax_id_in_checkout(
    browser: Browser | None, sandbox: RunningSandbox, client: StripeClient, shop: Shop, width: int
) -> None:
    if browser is None:
        return
    sandbox.control("settings/taxes", {"rates": {"CH": "8.1"}})
    page, complaints = a_page(browser, width)
    session = shop.open(automatic_tax={"enabled": True}, tax_id_collection={"enabled": True})
    page.goto(str(session.url))
    page.get_by_label("E-mail").fill("ada@example.com")
    page.get_by_label("Street").fill("Weg 1")
    page.get_by_label("Country (two letters)").fill("CH")
    page.get_by_label("Business name").fill("Ada AG")
    page.get_by_label("Kind of tax ID").select_option("ch_vat")
    page.get_by_label("Tax ID", exact=False).last.fill("CHE-123.456.789 MWST")
    assert not overflows(page)
    page.get_by_role("button", name="Subscribe").click()
    assert "Tax was calculated" in page.get_by_role("alert").inner_text()
    assert page.get_by_text("$27.03").first.is_visible()
    assert not overflows(page)
    page.get_by_role("button", name="Subscribe").click()
    done = client.v1.checkout.sessions.retrieve(session.id)
    assert (done.status, done.amount_total) == ("complete", 2703)
    assert done.customer_details is not None
    assert done.customer_details.business_name == "Ada AG"
    assert all("400" in complaint or "127.0.0.1:9" in complaint for complaint in complaints)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_plan_is_changed_and_paused_in_the_portal(
    browser: Browser | None, sandbox: RunningSandbox, client: StripeClient, shop: Shop, width: int
) -> None:
    if browser is None:
        return
    page, complaints = a_page(browser, width)
    done = sandbox.control(f"checkout/sessions/{shop.open().id}/complete", {"email": "a@b.ch"})
    product = client.v1.prices.retrieve(shop.monthly).product
    features: Any = {
        "customer_update": {"enabled": True, "allowed_updates": ["shipping", "tax_id"]},
        "subscription_pause": {"enabled": True},
        "subscription_update": {
            "enabled": True,
            "default_allowed_updates": ["price", "quantity", "promotion_code"],
            "products": [{"product": product, "prices": [shop.monthly, shop.yearly]}],
            "schedule_at_period_end": {"conditions": [{"type": "decreasing_item_amount"}]},
        },
    }
    made = client.v1.billing_portal.configurations.create({"features": features})
    url = client.v1.billing_portal.sessions.create(
        {"customer": done["customer"], "configuration": made.id}
    ).url
    page.goto(url)
    page.get_by_role("link", name="Change plan").click()
    page.get_by_label("Quantity").fill("3")
    assert not overflows(page)
    page.get_by_role("button", name="Continue").click()
    assert page.get_by_text("Pro plan × 3").is_visible()
    assert not overflows(page)
    page.get_by_role("button", name="Confirm").click()
    assert "has changed" in page.get_by_role("status").inner_text()
    page.get_by_role("link", name="Change plan").click()
    page.get_by_label("Quantity").fill("1")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Confirm").click()
    assert "when this period is over" in page.get_by_role("status").inner_text()
    page.get_by_role("button", name="Keep the present plan").click()
    assert "stays as it is" in page.get_by_role("status").inner_text()
    page.get_by_role("link", name="Pause plan").click()
    assert not overflows(page)
    page.get_by_role("button", name="Pause plan").click()
    assert "is paused" in page.get_by_role("status").inner_text()
    page.get_by_role("button", name="Resume plan").click()
    assert "goes on" in page.get_by_role("status").inner_text()
    page.get_by_role("link", name="Change details").click()
    page.get_by_label("Recipient", exact=True).fill("The lab")
    page.get_by_label("Recipient's city").fill("Bern")
    page.get_by_label("Kind of tax ID").select_option("ch_vat")
    page.get_by_label("Tax ID", exact=True).fill("CHE-123.456.789 MWST")
    assert not overflows(page)
    page.get_by_role("button", name="Save").click()
    assert page.get_by_text("CHE-123.456.789 MWST").is_visible()
    item = client.v1.subscription_items.list({"subscription": done["subscription"]}).data[0]
    assert item.quantity == 3
    assert not complaints


def test_a_link_and_the_pages_own_clock(
    browser: Browser | None, sandbox: RunningSandbox, client: StripeClient, shop: Shop
) -> None:
    if browser is None:
        return
    page, complaints = a_page(browser)
    link = client.v1.payment_links.create({"line_items": [{"price": shop.monthly, "quantity": 1}]})
    page.goto(f"{link.url}?prefilled_email=ada@example.com")
    page.get_by_role("button", name="Subscribe").click()
    assert page.get_by_role("heading").inner_text() == "Thank you"
    page.goto(sandbox.url)
    page.get_by_role("button", name="+1 month").click()
    assert page.get_by_text("1 Feb 2026, 00:00:00 UTC").is_visible()
    page.get_by_label("Move to the beginning of").fill("2026-02-03")
    page.get_by_role("button", name="Move to date").click()
    assert page.get_by_text("3 Feb 2026, 00:00:00 UTC").is_visible()
    assert len(client.v1.invoices.list().data) == 2
    page.get_by_role("navigation", name="Sections").get_by_role("link", name="Events").click()
    page.get_by_label("Search").fill("checkout")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="checkout.session.completed").click()
    assert page.get_by_text('"type": "checkout.session.completed"').is_visible()
    assert not complaints


@pytest.mark.parametrize("width", WIDTHS)
def test_no_page_is_wider_than_its_window(
    browser: Browser | None, sandbox: RunningSandbox, client: StripeClient, shop: Shop, width: int
) -> None:
    if browser is None:
        return
    page, complaints = a_page(browser, width)
    product = client.v1.products.create({"name": "Plan" + "-with-a-long-name" * 8}).id
    price = client.v1.prices.create(
        {
            "product": product,
            "currency": "usd",
            "unit_amount": 123456789,
            "recurring": {"interval": "month"},
        }
    ).id
    session = shop.open(
        line_items=[{"price": price, "quantity": 1}],
        billing_address_collection="required",
        phone_number_collection={"enabled": True},
        allow_promotion_codes=True,
    )
    page.goto(str(session.url))
    assert not overflows(page)
    filled_in: dict[str, Any] = {
        "email": "a" * 60 + "@example.com",
        "name": "A" * 80,
        "address": {"line1": "L" * 90, "country": "GB"},
    }
    done = sandbox.control(f"checkout/sessions/{session.id}/complete", filled_in)
    url = client.v1.billing_portal.sessions.create({"customer": done["customer"]}).url
    invoice = client.v1.invoices.retrieve(done["invoice"])
    for address in (
        url,
        f"{url}/card",
        f"{url}/details",
        f"{url}/cancel/{done['subscription']}",
        str(invoice.hosted_invoice_url),
        sandbox.url,
        f"{sandbox.url}/dashboard/events",
        f"{sandbox.url}/dashboard/customers/{done['customer']}",
    ):
        page.goto(address)
        assert not overflows(page), address
    assert not complaints
