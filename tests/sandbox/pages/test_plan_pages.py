"""What a customer does about a plan in the portal: changes it, pauses it, is asked to stay."""

import re
from typing import Any

import pytest
from stripe import InvalidRequestError, StripeClient
from tests.sandbox.checkout.shop import Shop
from tests.sandbox.checkout.test_completion import complete
from tests.sandbox.conftest import START
from tests.sandbox.pages.visitor import Seen, follow, visit

from tallygate_sandbox.testing import RunningSandbox

DAY = 86_400
FEBRUARY = START + 31 * DAY
MARCH = FEBRUARY + 28 * DAY


@pytest.fixture
def bought(sandbox: RunningSandbox, shop: Shop) -> dict[str, Any]:
    return complete(sandbox, shop.open().id, email="ada@example.com", name="Ada")


def offering(client: StripeClient, shop: Shop, **update: Any) -> dict[str, Any]:
    """A configuration in which the plan can be changed, and `big`, a price of another product."""
    product = client.v1.prices.retrieve(shop.monthly).product
    other = client.v1.products.create({"name": "Business plan"}).id
    wanted: Any = {"product": other, "currency": "usd", "recurring": {"interval": "month"}}
    big = client.v1.prices.create(wanted | {"unit_amount": 9900}).id
    feature: Any = {
        "enabled": True,
        "default_allowed_updates": ["price", "quantity", "promotion_code"],
        "proration_behavior": "create_prorations",
        "products": [
            {"product": product, "prices": [shop.monthly, shop.yearly]},
            {"product": other, "prices": [big]},
        ],
        **update,
    }
    features: Any = {
        "subscription_update": feature,
        "subscription_cancel": {"enabled": True},
        "subscription_pause": {"enabled": True},
    }
    made = client.v1.billing_portal.configurations.create({"features": features})
    return {"configuration": made.id, "big": big}


def portal(client: StripeClient, bought: dict[str, Any], **more: Any) -> str:
    params: Any = {"customer": bought["customer"], **more}
    return client.v1.billing_portal.sessions.create(params).url


def item_of(client: StripeClient, bought: dict[str, Any]) -> Any:
    (item,) = client.v1.subscription_items.list({"subscription": bought["subscription"]}).data
    return item


def pending(client: StripeClient, bought: dict[str, Any]) -> list[int]:
    found = client.v1.invoice_items.list({"customer": bought["customer"], "pending": True}).data
    return sorted(one.amount for one in found)


def confirmed(url: str, address: str, **query: Any) -> Seen:
    """Choose, look at what it comes to, and confirm what that page has in its form."""
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    page = visit(f"{address}/confirm?{asked}" if asked else f"{address}/confirm")
    assert page.status == 200, page.text
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.html))
    return follow(url, visit(address, hidden))


def test_a_quantity_is_changed_within_its_bounds(
    client: StripeClient, sandbox: RunningSandbox, shop: Shop, bought: dict[str, Any]
) -> None:
    product = client.v1.prices.retrieve(shop.monthly).product
    bounds = {"enabled": True, "minimum": 1, "maximum": 5}
    listed = {"product": product, "prices": [shop.monthly], "adjustable_quantity": bounds}
    made = offering(client, shop, products=[listed])
    sandbox.advance_to(START + 31 * DAY // 2)
    url = portal(client, bought, configuration=made["configuration"])
    address = f"{url}/plan/{bought['subscription']}"
    page = visit(address)
    assert 'min="1" max="5"' in page.html
    assert "Choose a quantity from 1 to 5." in visit(f"{address}/confirm?quantity=6").text
    assert visit(address, {"quantity": "6"}).status == 400
    assert visit(address, {"quantity": "two"}).status == 400
    shown = visit(f"{address}/confirm?price={shop.monthly}&quantity=4")
    # 2500 is for the month that comes, half of 3 more for what is left of this one.
    assert "Pro plan × 4" in shown.text
    assert "$137.50" in shown.text
    assert item_of(client, bought).quantity == 1
    assert "Your plan has changed." in confirmed(url, address, quantity=4).text
    assert item_of(client, bought).quantity == 4
    assert pending(client, bought) == [-1250, 5000]


def test_without_permission_no_quantity_is_changed(
    client: StripeClient, shop: Shop, bought: dict[str, Any]
) -> None:
    made = offering(client, shop, default_allowed_updates=["price"])
    url = portal(client, bought, configuration=made["configuration"])
    address = f"{url}/plan/{bought['subscription']}"
    assert "Quantity" not in visit(address).text
    assert visit(address, {"price": made["big"], "quantity": "3"}).status == 400
    assert visit(address, {"price": made["big"], "promotion_code": "X"}).status == 400
    assert item_of(client, bought).quantity == 1


def test_a_downgrade_waits_for_the_end_of_the_period(
    client: StripeClient, sandbox: RunningSandbox, shop: Shop, bought: dict[str, Any]
) -> None:
    made = offering(
        client,
        shop,
        schedule_at_period_end={"conditions": [{"type": "decreasing_item_amount"}]},
        proration_behavior="none",
    )
    url = portal(client, bought, configuration=made["configuration"])
    address = f"{url}/plan/{bought['subscription']}"
    assert "Your plan has changed." in confirmed(url, address, price=made["big"], quantity=2).text
    said = visit(f"{address}/confirm?price={shop.monthly}&quantity=2").text
    assert "The change comes on 1 Feb 2026 . Nothing is due today." in said
    done = confirmed(url, address, price=shop.monthly, quantity=2)
    assert "Your plan will change when this period is over." in done.text
    assert "Changes to Pro plan × 2 $25.00 per month on 1 Feb 2026 ." in done.text
    assert item_of(client, bought).price.id == made["big"]
    subscription = client.v1.subscriptions.retrieve(bought["subscription"])
    schedule = client.v1.subscription_schedules.retrieve(str(subscription.schedule))
    assert [phase.items[0].price for phase in schedule.phases] == [made["big"], shop.monthly]
    sandbox.advance_to(FEBRUARY + 7200)
    item = item_of(client, bought)
    assert (item.price.id, item.quantity) == (shop.monthly, 2)
    latest = client.v1.invoices.list({"subscription": bought["subscription"]}).data[0]
    assert (latest.total, latest.status) == (5000, "paid")
    sandbox.advance_to(MARCH + 7200)
    assert client.v1.subscriptions.retrieve(bought["subscription"]).schedule is None
    assert item_of(client, bought).quantity == 2


@pytest.mark.parametrize("after", ["keep", "cancel", "upgrade"])
def test_a_change_that_waits_can_be_taken_back(
    client: StripeClient, shop: Shop, bought: dict[str, Any], after: str
) -> None:
    conditions = [{"type": "decreasing_item_amount"}, {"type": "shortening_interval"}]
    made = offering(client, shop, schedule_at_period_end={"conditions": conditions})
    url = portal(client, bought, configuration=made["configuration"])
    ident = bought["subscription"]
    confirmed(url, f"{url}/plan/{ident}", price=shop.yearly)
    assert item_of(client, bought).price.id == shop.yearly
    confirmed(url, f"{url}/plan/{ident}", price=made["big"], quantity=4)  # more, but for a month
    assert item_of(client, bought).price.id == shop.yearly
    assert client.v1.subscriptions.retrieve(ident).schedule
    if after == "keep":
        assert (
            "Your plan stays as it is." in follow(url, visit(f"{url}/plan/{ident}/keep", {})).text
        )
    elif after == "cancel":
        visit(f"{url}/cancel/{ident}", {})
    else:
        confirmed(url, f"{url}/plan/{ident}", price=shop.yearly, quantity=2)
    subscription = client.v1.subscriptions.retrieve(ident)
    assert subscription.schedule is None
    assert (subscription.cancel_at is not None) == (after == "cancel")
    assert item_of(client, bought).quantity == (2 if after == "upgrade" else 1)


@pytest.mark.parametrize("behavior", ["end_trial", "continue_trial"])
def test_a_change_ends_a_trial_or_lets_it_go_on(
    client: StripeClient, sandbox: RunningSandbox, shop: Shop, behavior: str
) -> None:
    trial = shop.open(subscription_data={"trial_period_days": 14})
    bought = complete(sandbox, trial.id, email="ada@example.com")
    made = offering(client, shop, trial_update_behavior=behavior)
    url = portal(client, bought, configuration=made["configuration"])
    confirmed(url, f"{url}/plan/{bought['subscription']}", price=made["big"])
    subscription = client.v1.subscriptions.retrieve(bought["subscription"])
    ended = behavior == "end_trial"
    assert subscription.status == ("active" if ended else "trialing")
    totals = [i.total for i in client.v1.invoices.list({"customer": bought["customer"]}).data]
    assert totals == ([9900, 0] if ended else [0])


def test_a_code_comes_with_a_change(
    client: StripeClient, shop: Shop, bought: dict[str, Any]
) -> None:
    coupon = client.v1.coupons.create({"percent_off": 50, "duration": "forever"}).id
    promotion: Any = {"promotion": {"type": "coupon", "coupon": coupon}, "code": "HALF"}
    client.v1.promotion_codes.create(promotion)
    made = offering(client, shop, proration_behavior="always_invoice")
    url = portal(client, bought, configuration=made["configuration"])
    address = f"{url}/plan/{bought['subscription']}"
    query = f"price={made['big']}&quantity=1"
    assert "This code is invalid." in visit(f"{address}/confirm?{query}&promotion_code=NO").text
    assert "$24.50" in visit(f"{address}/confirm?{query}&promotion_code=half").text
    confirmed(url, address, price=made["big"], quantity=1, promotion_code="half")
    subscription = client.v1.subscriptions.retrieve(bought["subscription"])
    assert len(subscription.discounts) == 1
    # Half of 9900, less the 2500 that were paid in full.
    assert client.v1.invoices.retrieve(str(subscription.latest_invoice)).total == 2450


def test_a_flow_confirms_one_change_and_no_other(
    client: StripeClient, shop: Shop, bought: dict[str, Any]
) -> None:
    coupon = client.v1.coupons.create({"percent_off": 50, "duration": "forever"}).id
    made = offering(client, shop, proration_behavior="always_invoice")
    wanted = {"id": item_of(client, bought).id, "price": made["big"], "quantity": 3}
    confirm = {
        "subscription": bought["subscription"],
        "items": [wanted],
        "discounts": [{"coupon": coupon}],
    }
    flow: Any = {"type": "subscription_update_confirm", "subscription_update_confirm": confirm}
    url = portal(client, bought, configuration=made["configuration"], flow_data=flow)
    page = follow(url, visit(url))
    assert "Business plan × 3" in page.text
    assert "$123.50" in page.text
    visit(f"{url}/plan/{bought['subscription']}", {"price": shop.yearly, "quantity": "9"})
    item = item_of(client, bought)
    assert (item.price.id, item.quantity) == (made["big"], 3)
    for wrong, param in (
        ({"items": [wanted | {"price": shop.once}]}, "[items][0][price]"),
        ({"items": [wanted | {"id": "si_none"}]}, "[items][0][id]"),
        ({"items": [wanted, wanted]}, "[items]"),
        ({"discounts": [{"coupon": "none"}]}, "[discounts][0][coupon]"),
    ):
        flow = {
            "type": "subscription_update_confirm",
            "subscription_update_confirm": confirm | wrong,
        }
        with pytest.raises(InvalidRequestError) as refused:
            portal(client, bought, configuration=made["configuration"], flow_data=flow)
        assert refused.value.param == f"flow_data[subscription_update_confirm]{param}"


def test_what_is_under_a_schedule_of_the_shop_is_not_changed_here(
    client: StripeClient, shop: Shop, bought: dict[str, Any]
) -> None:
    made = offering(client, shop)
    client.v1.subscription_schedules.create({"from_subscription": bought["subscription"]})
    url = portal(client, bought, configuration=made["configuration"])
    assert "Change plan" not in visit(url).text
    assert visit(f"{url}/plan/{bought['subscription']}", {"price": made["big"]}).status == 403


@pytest.mark.parametrize(
    ("duration", "resumes"),
    [
        ({"type": "indefinite"}, None),
        (None, "12 Feb 2026"),
        (
            {
                "type": "interval_options",
                "interval_options": [
                    {"interval": "day"},
                    {"interval": "week", "interval_count": 2},
                ],
            },
            "26 Jan 2026",
        ),
    ],
)
def test_a_plan_is_paused_and_goes_on(
    client: StripeClient,
    sandbox: RunningSandbox,
    bought: dict[str, Any],
    duration: dict[str, Any] | None,
    resumes: str | None,
) -> None:
    feature: Any = {"enabled": True} | ({"duration": duration} if duration else {})
    made = client.v1.billing_portal.configurations.create(
        {"features": {"subscription_pause": feature}}
    )
    sandbox.advance_to(START + 11 * DAY)
    flow: Any = {
        "type": "subscription_pause",
        "subscription_pause": {"subscription": bought["subscription"]},
    }
    url = portal(client, bought, configuration=made.id, flow_data=flow)
    assert "Pause your plan" in follow(url, visit(url)).text
    address = f"{url}/pause/{bought['subscription']}"
    assert resumes is None or visit(address, {"length": "7"}).status == 400
    length = {"length": "1"} if duration and resumes else {}
    done = follow(url, visit(address, length))
    assert "Your plan is paused." in done.text
    assert f"Paused until {resumes} ." in done.text or resumes is None
    subscription = client.v1.subscriptions.retrieve(bought["subscription"])
    assert subscription.status == "paused"
    assert pending(client, bought) == [-1613]  # 20 of 31 days of 2500
    sandbox.advance_to(START + 25 * DAY)
    early = resumes == "26 Jan 2026"
    assert client.v1.subscriptions.retrieve(bought["subscription"]).status == (
        "active" if early else "paused"
    )
    sandbox.advance_to(START + 45 * DAY)
    subscription = client.v1.subscriptions.retrieve(bought["subscription"])
    assert subscription.status == ("active" if resumes else "paused")
    latest = client.v1.invoices.retrieve(str(subscription.latest_invoice))
    assert latest.total == (2500 - 1613 if resumes else 2500)
    if resumes is None:
        url = portal(client, bought, configuration=made.id)
        resumed = follow(url, visit(f"{url}/resume/{bought['subscription']}", {}))
        assert "Your plan goes on." in resumed.text
        assert client.v1.subscriptions.retrieve(bought["subscription"]).status == "active"


def test_who_would_cancel_is_offered_a_coupon(
    client: StripeClient, bought: dict[str, Any]
) -> None:
    coupon = client.v1.coupons.create({"percent_off": 20, "duration": "forever"}).id
    flow: Any = {
        "type": "subscription_cancel",
        "subscription_cancel": {
            "subscription": bought["subscription"],
            "retention": {"type": "coupon_offer", "coupon_offer": {"coupon": coupon}},
        },
    }
    url = portal(client, bought, flow_data=flow)
    assert "Stay, and get 20.0% off ." in follow(url, visit(url)).text
    stayed = follow(url, visit(f"{url}/stay/{bought['subscription']}", {}))
    assert "Thank you for staying." in stayed.text
    subscription = client.v1.subscriptions.retrieve(bought["subscription"])
    assert len(subscription.discounts) == 1
    assert subscription.cancel_at is None
    assert visit(f"{url}/stay/{bought['subscription']}", {}).status == 404


def test_the_accounts_own_reasons_are_offered(
    client: StripeClient, bought: dict[str, Any]
) -> None:
    options = client.v1.billing.feedback_options
    wanted = options.create({"description": "The VM is too slow"}).id
    gone = options.create({"description": "Nobody says this"}).id
    options.deactivate(gone)
    assert [one.id for one in options.list({"status": "active"}).data] == [wanted]
    assert options.update(wanted, {"description": "My VM is too slow"}).status == "active"
    reason: Any = {"enabled": True, "options": ["unused"], "feedback_options": [wanted]}
    features: Any = {"subscription_cancel": {"enabled": True, "cancellation_reason": reason}}
    made = client.v1.billing_portal.configurations.create({"features": features})
    reason["feedback_options"] = [gone]
    with pytest.raises(InvalidRequestError, match="not active"):
        client.v1.billing_portal.configurations.create({"features": features})
    url = portal(client, bought, configuration=made.id)
    address = f"{url}/cancel/{bought['subscription']}"
    assert "My VM is too slow" in visit(address).text
    visit(address, {"reason": wanted})
    told: Any = client.v1.subscriptions.retrieve(
        bought["subscription"], {"expand": ["cancellation_details.feedback_option"]}
    ).cancellation_details
    assert told.feedback_option.description == "My VM is too slow"
    assert told.feedback is None
