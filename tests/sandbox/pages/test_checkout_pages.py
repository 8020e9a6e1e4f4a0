"""The pages of checkout, payment links and 3-D Secure, by plain requests."""

import re
from typing import Any

import pytest
from stripe import StripeClient
from tests.sandbox.checkout.shop import CANCEL, Shop
from tests.sandbox.conftest import START
from tests.sandbox.pages.visitor import follow, visit

from tallygate_sandbox.testing import RunningSandbox

ADA = {"email": "ada@example.com", "card": "4242 4242 4242 4242"}
NASTY = "<script>alert(1)</script>\"'&"


def test_a_visitor_pays_and_is_sent_to_the_shop(client: StripeClient, shop: Shop) -> None:
    session = shop.open(cancel_url=CANCEL)
    page = visit(str(session.url))
    assert page.status == 200
    for said in ("Sandbox: no money moves", "Subscribe to Pro plan", "$25.00", "per month"):
        assert said in page.text
    assert f'href="{CANCEL}"' in page.html
    paid = visit(str(session.url), ADA)
    assert paid.status == 303
    assert paid.leads == f"http://127.0.0.1:9/ok?session={session.id}"
    done = client.v1.checkout.sessions.retrieve(session.id)
    assert (done.status, done.payment_status) == ("complete", "paid")


def test_a_declined_card_is_told_and_another_may_be_tried(shop: Shop) -> None:
    session = shop.open()
    address = str(session.url)
    refused = visit(address, ADA | {"card": "4000 0000 0000 9995"})
    assert refused.status == 402
    assert 'role="alert">Your card has insufficient funds.' in refused.html
    assert 'value="ada@example.com"' in refused.html
    wrong = visit(address, ADA | {"number": "4242 4242 4242 4241"})
    assert "Your card number is incorrect." in wrong.text
    assert "Please enter your e-mail address." in visit(address, {"card": ADA["card"]}).text
    assert "Please choose a card." in visit(address, {"email": "a@example.com"}).text
    assert visit(address, ADA | {"number": "5555 5555 5555 4444"}).status == 303


def test_three_d_secure_stands_between(client: StripeClient, shop: Shop) -> None:
    session = shop.open()
    address = str(session.url)
    waits = visit(address, ADA | {"card": "4000 0025 0000 3155"})
    assert waits.leads == f"/c/pay/{session.id}/authenticate"
    assert "3-D Secure" in follow(address, waits).text
    failed = visit(f"{address}/authenticate", {"outcome": "fail"})
    assert 'role="alert"' in failed.html
    visit(address, ADA | {"card": "4000 0025 0000 3155"})
    assert visit(address).leads == f"/c/pay/{session.id}/authenticate"
    assert visit(f"{address}/authenticate", {"outcome": "complete"}).leads.startswith("http://")
    assert client.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"


def test_ended_sessions_say_so(sandbox: RunningSandbox, shop: Shop) -> None:
    bought, late = shop.open(), shop.open(cancel_url=CANCEL)
    visit(str(bought.url), ADA)
    for again in (visit(str(bought.url)), visit(str(bought.url), ADA)):
        assert "This checkout is complete" in again.text
    sandbox.advance_to(START + 86_400)
    for gone in (visit(str(late.url)), visit(str(late.url), ADA)):
        assert gone.status == 410
        assert "This checkout has expired" in gone.text
        assert CANCEL in gone.html
    assert visit(f"{sandbox.url}/c/pay/cs_test_none").status == 404


def test_a_code_and_a_quantity_change_the_order(client: StripeClient, shop: Shop) -> None:
    coupon = client.v1.coupons.create({"percent_off": 20, "duration": "forever", "name": "Launch"})
    client.v1.promotion_codes.create(
        {"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "LAUNCH"}
    )
    line = {
        "price": shop.monthly,
        "quantity": 2,
        "adjustable_quantity": {"enabled": True, "maximum": 5},
    }
    session = shop.open(line_items=[line], allow_promotion_codes=True)
    address = str(session.url)
    wrong = visit(f"{address}/code", {"promotion_code": "nope"})
    assert "This code is invalid." in wrong.text
    page = follow(address, visit(f"{address}/code", {"promotion_code": "launch"}))
    assert "Launch (LAUNCH) -$10.00" in page.text
    assert "Due today $40.00" in page.text
    found = re.search(r'name="(li_\w+)"', page.html)
    assert found is not None
    more = follow(address, visit(f"{address}/quantities", {found[1]: "3"}))
    assert "Due today $60.00" in more.text
    assert visit(f"{address}/quantities", {found[1]: "6"}).status == 400
    without = follow(address, visit(f"{address}/code", {"promotion_code": ""}))
    assert "Due today $75.00" in without.text
    assert visit(address, ADA).status == 303


def test_a_link_leads_to_a_session_and_thanks(client: StripeClient, shop: Shop) -> None:
    link = client.v1.payment_links.create(
        {
            "line_items": [{"price": shop.once, "quantity": 1}],
            "after_completion": {
                "type": "hosted_confirmation",
                "hosted_confirmation": {"custom_message": f"Bye {NASTY}"},
            },
        }
    )
    opened = visit(f"{link.url}?prefilled_email=ada@example.com")
    page = follow(link.url, opened)
    assert "Pay $99.00" in page.text
    address = link.url.partition("/b/")[0] + opened.leads
    thanks = follow(address, visit(address, {"card": ADA["card"]}))
    assert f"Bye {NASTY}" in thanks.text
    assert "<script>" not in thanks.html
    client.v1.payment_links.update(link.id, {"active": False})
    assert "deactivated" in visit(link.url).text


def test_an_integrations_own_intent_is_authenticated_too(client: StripeClient) -> None:
    intent = client.v1.payment_intents.create(
        {
            "amount": 1200,
            "currency": "usd",
            "payment_method": "pm_card_authenticationRequired",
            "confirm": True,
            "return_url": "http://127.0.0.1:9/back?a=b",
        }
    )
    assert intent.next_action is not None
    assert intent.next_action.redirect_to_url is not None
    address = str(intent.next_action.redirect_to_url.url)
    assert "$12.00" in visit(address).text
    back = visit(address, {"outcome": "complete"}).leads
    assert back.startswith(f"http://127.0.0.1:9/back?a=b&payment_intent={intent.id}&")
    assert back.endswith("&redirect_status=succeeded")
    assert "Nothing to authenticate" in visit(address).text


def test_what_others_wrote_is_escaped(client: StripeClient, shop: Shop) -> None:
    product = client.v1.products.create({"name": NASTY}).id
    price = client.v1.prices.create({"product": product, "currency": "usd", "unit_amount": 5}).id
    session = shop.open(
        mode="payment",
        line_items=[{"price": price, "quantity": 1}],
        custom_text={"submit": {"message": NASTY}},
    )
    page = visit(str(session.url), {"email": NASTY, "card": "1"})
    assert "<script>" not in page.html
    assert page.text.count(NASTY) >= 2


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
def test_a_form_of_another_site_is_refused(
    client: StripeClient, shop: Shop, headers: dict[str, str]
) -> None:
    session = shop.open()
    assert visit(str(session.url), ADA, **headers).status == 403
    assert client.v1.checkout.sessions.retrieve(session.id).status == "open"


def test_its_own_form_is_taken(sandbox: RunningSandbox, shop: Shop) -> None:
    own = {"Origin": sandbox.url, "Sec_Fetch_Site": "same-origin"}
    assert visit(str(shop.open().url), ADA, **own).status == 303


def test_a_page_allows_no_script_and_nothing_from_elsewhere(shop: Shop) -> None:
    page = visit(str(shop.open().url))
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "style-src 'self'" in policy
    assert "script" not in policy
    assert "frame-ancestors 'none'" in policy
    # Chromium asks the policy also about where a form's answer redirects to.
    assert policy.endswith("form-action 'self' http://127.0.0.1:9")
    assert "<script" not in page.html
    assert "style=" not in page.html
    assert set(re.findall(r'(?:src|href)="(http[^"]*)"', page.html)) <= {CANCEL}
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["referrer-policy"] == "same-origin"


def test_an_address_cannot_widen_the_policy(shop: Shop) -> None:
    odd = "http://127.0.0.1:9; script-src *:9/ok"
    page = visit(str(shop.open(success_url=odd).url))
    assert page.headers["content-security-policy"].endswith("form-action 'self'")


@pytest.mark.parametrize(
    ("months", "sentence"),
    [
        (1, "Then $25.00 per month."),
        (3, "Then $20.00 per month, from 1 Apr 2026 $25.00 per month."),
    ],
)
def test_a_discount_for_some_months_says_what_comes_after_it(
    client: StripeClient, shop: Shop, months: int, sentence: str
) -> None:
    wanted: Any = {"percent_off": 20, "duration": "repeating", "duration_in_months": months}
    coupon = client.v1.coupons.create(wanted).id
    session = shop.open(discounts=[{"coupon": coupon}])
    page = visit(str(session.url)).text
    assert "$20.00 due today" in page
    assert sentence in page


def test_tax_is_shown_before_it_is_paid(
    sandbox: RunningSandbox, client: StripeClient, shop: Shop
) -> None:
    sandbox.control("settings/taxes", {"rates": {"CH": "8.1"}})
    session = shop.open(
        automatic_tax={"enabled": True},
        tax_id_collection={"enabled": True, "required": "if_supported"},
    )
    url = str(session.url)
    page = visit(url)
    assert "Billing address" in page.text
    assert "Kind of tax ID" in page.text
    sent = {"email": "ada@example.com", "card": "4242424242424242"}
    assert "Enter the address at which tax is calculated." in visit(url, sent).text
    sent |= {"country": "CH", "city": "Bern"}
    shown = visit(url, sent)
    assert shown.status == 400
    assert "Tax was calculated for your address." in shown.text
    assert "Tax $2.03" in shown.text
    assert "Due today $27.03" in shown.text
    assert "Please enter your tax ID." in visit(url, sent).text
    assert client.v1.subscriptions.list().data == []
    sent |= {"tax_id_type": "ch_vat", "tax_id": "CHE-123.456.789 MWST"}
    assert visit(url, sent).leads
    done = client.v1.checkout.sessions.retrieve(session.id)
    assert (done.status, done.amount_total) == ("complete", 2703)
    assert done.customer_details is not None
    assert [one.type for one in done.customer_details.tax_ids or []] == ["ch_vat"]
