"""Payment links and the portal are published once, whatever happens on the way."""

from dataclasses import replace
from typing import Any
from urllib.parse import urljoin

import pytest
from tests.sandbox.checkout.test_completion import complete
from tests.sandbox.pages.visitor import visit
from tests.workflows.stripe_account import TEXT, Account

from tallygate.adapters.stripe.sessions import Sessions
from tallygate.core.errors import Refused, Unreachable
from tallygate.core.failpoints import armed
from tallygate.workflows.mirror.price_list import OpenLink

SHOP = TEXT.replace("currency: [usd, eur]", "currency: [usd, eur]\nlinks: true").replace(
    "product: prod_pro", "product: prod_pro\n    trial_days: 14"
)
DEARER = SHOP.replace("29.00", "31.00")
CLOSED = SHOP.replace("links: true\n", "")
KINDS = [
    *("create_product", "create_meter", "create_price", "create_price"),
    *("create_coupon", "create_code", "create_portal", "create_link"),
]
OF_EACH = {
    "products": 1,
    "meters": 1,
    "prices": 2,
    "coupons": 1,
    "codes": 1,
    "portals": 1,
    "links": 1,
}


def the_link(account: Account) -> Any:
    [link] = account.client.v1.payment_links.list({"active": True}).data
    return link


def the_price(account: Account, link: Any) -> Any:
    """The price of the one line of a link."""
    [line] = account.client.v1.payment_links.line_items.list(link.id).data
    assert line.quantity == 1
    return line.price


def the_portal(account: Account) -> Any:
    found = account.client.v1.billing_portal.configurations.list().data
    [portal] = [one for one in found if not one.is_default]
    return portal


def test_published_is_published(account: Account) -> None:
    assert account.publish(SHOP) == KINDS
    assert account.publish(SHOP) == []
    assert account.objects() == OF_EACH
    url = the_link(account).url
    assert account.foresee(SHOP).links == (OpenLink("pro", "month", url),)


def test_a_link_sells_the_base_and_names_what_was_bought(account: Account) -> None:
    account.publish(SHOP)
    link = the_link(account)
    assert the_price(account, link).lookup_key == "base"
    named = {
        "tallygate_link": "pro:month",
        "tallygate_plan": "pro",
        "tallygate_interval": "month",
    }
    assert link.metadata.to_dict() == named
    assert link.subscription_data.metadata.to_dict() == named
    assert link.subscription_data.trial_period_days == 14
    assert (link.allow_promotion_codes, link.after_completion.type) == (
        True,
        "hosted_confirmation",
    )


def test_who_opens_a_link_can_buy_what_it_sells(account: Account) -> None:
    """A7. And a sentence is all that a closed one shows."""
    account.publish(SHOP)
    url = the_link(account).url
    assert "Pro" in visit(urljoin(url, visit(url).leads)).text
    [session] = account.client.v1.checkout.sessions.list().data
    assert session.metadata is not None
    assert session.metadata["tallygate_plan"] == "pro"
    bought = complete(account.sandbox, session.id, email="ada@shop.test")
    subscription = account.client.v1.subscriptions.retrieve(bought["subscription"])
    assert subscription.metadata["tallygate_link"] == "pro:month"
    assert subscription.status == "trialing"
    account.publish(CLOSED)
    assert "This payment link has been deactivated." in visit(url).text


def test_after_paying_a_buyer_goes_where_the_settings_say(account: Account) -> None:
    """A setting that changes, or goes, changes the link at its address."""
    account.publish(SHOP)
    before = the_link(account)
    thanks = "https://shop.test/thanks?session={CHECKOUT_SESSION_ID}"
    settings = account.installation.settings
    told = replace(settings, success_url=thanks, automatic_tax=True)
    account.installation = replace(account.installation, settings=told)
    assert account.publish(SHOP) == ["change_link"]
    after = the_link(account)
    assert (after.id, after.after_completion.redirect.url) == (before.id, thanks)
    assert after.automatic_tax.enabled
    assert account.foresee(SHOP).steps == ()
    account.installation = replace(account.installation, settings=settings)
    assert account.publish(SHOP) == ["change_link"]
    assert the_link(account).after_completion.type == "hosted_confirmation"


def test_trial_and_codes_change_at_the_same_address(account: Account) -> None:
    account.publish(SHOP)
    url = the_link(account).url
    bare = SHOP.replace("    trial_days: 14\n", "").partition("coupons:")[0]
    assert "change_link" in account.publish(bare)
    link = the_link(account)
    assert (link.url, link.allow_promotion_codes) == (url, False)
    assert link.subscription_data.trial_period_days is None
    assert account.foresee(bare).steps == ()


def test_another_price_is_sold_at_another_address(account: Account) -> None:
    account.publish(SHOP)
    old = the_link(account)
    assert account.publish(DEARER) == [
        *("create_price", "create_link", "close_link", "archive_price")
    ]
    new = the_link(account)
    assert (the_price(account, new).unit_amount, new.url != old.url) == (3100, True)
    assert account.client.v1.payment_links.retrieve(old.id).active is False
    assert account.foresee(DEARER).links == (OpenLink("pro", "month", new.url),)


def test_there_and_back_within_a_day_there_is_one_open_link(account: Account) -> None:
    for turn in range(4):
        account.publish(DEARER if turn % 2 else SHOP)
        price = the_price(account, the_link(account))
        assert price.unit_amount == (3100 if turn % 2 else 2900)
    for turn in range(4):
        account.publish(DEARER if turn % 2 else DEARER.replace("links: true\n", ""))
    assert account.objects()["links"] == 4  # the last one was closed and opened again
    assert len(account.client.v1.payment_links.list({"active": True}).data) == 1


def test_links_of_others_are_left_alone(account: Account) -> None:
    account.publish(SHOP)
    [price] = account.client.v1.prices.list({"lookup_keys": ["base"]}).data
    other = account.client.v1.payment_links.create(
        {"line_items": [{"price": price.id, "quantity": 1}]}
    )
    assert account.publish(DEARER)
    assert account.publish(CLOSED)
    assert account.client.v1.payment_links.retrieve(other.id).active


@pytest.mark.parametrize(
    "line",
    [
        {"quantity": 2},
        {"quantity": 1, "adjustable_quantity": {"enabled": True, "maximum": 5}},
    ],
)
def test_a_link_that_sells_another_quantity_is_followed_by_one_that_does_not(
    account: Account, line: dict[str, Any]
) -> None:
    account.publish(SHOP)
    link = the_link(account)
    account.client.v1.payment_links.update(link.id, {"active": False})
    [price] = account.client.v1.prices.list({"lookup_keys": ["base"]}).data
    account.client.v1.payment_links.create(
        {
            "line_items": [{"price": price.id, **line}],  # type: ignore[typeddict-item]  # its parts
            "metadata": link.metadata.to_dict(),
            "subscription_data": {"metadata": link.metadata.to_dict()},
        }
    )
    assert account.publish(SHOP) == ["change_link", "close_link"]
    assert the_link(account).id == link.id


def test_the_portal_allows_what_is_harmless(account: Account) -> None:
    """A12, B7, C12."""
    words = (
        'portal: {headline: Your bill, privacy_policy_url: "https://shop.test/p", '
        'terms_of_service_url: "https://shop.test/t"}\n'
    )
    settings = account.installation.settings
    told = replace(settings, portal_return_url="https://shop.test/account")
    account.installation = replace(account.installation, settings=told)
    account.publish(words + SHOP)
    portal = the_portal(account)
    assert portal.business_profile.to_dict() == {
        "headline": "Your bill",
        "privacy_policy_url": "https://shop.test/p",
        "terms_of_service_url": "https://shop.test/t",
    }
    assert portal.default_return_url == "https://shop.test/account"
    may = portal.features
    assert may.payment_method_update.enabled
    assert may.invoice_history.enabled
    assert sorted(may.customer_update.allowed_updates) == ["address", "email", "tax_id"]
    end = may.subscription_cancel
    assert (end.enabled, end.mode, end.proration_behavior) == (True, "at_period_end", "none")
    assert not may.subscription_update.enabled
    assert not may.subscription_pause.enabled
    account.installation = replace(account.installation, settings=settings)
    assert account.publish(SHOP) == ["change_portal"]
    bare = the_portal(account)
    assert (bare.id, bare.default_return_url) == (portal.id, None)
    assert set(bare.business_profile.to_dict().values()) == {None}
    assert account.publish(SHOP) == []


def test_a_portal_session_is_as_published(account: Account) -> None:
    """And before anything was published, as the account's own configuration says."""
    customer = account.client.v1.customers.create({"name": "Ada"}).id
    sessions = Sessions(account.client)
    assert "Your plan and billing" in visit(sessions.portal(customer, None)).text
    account.publish("portal: {headline: Your bill}\n" + SHOP)
    assert "Your bill" in visit(sessions.portal(customer, None)).text


def test_what_was_changed_by_hand_is_set_again(account: Account) -> None:
    account.publish(SHOP)
    portal = the_portal(account)
    by_hand: list[Any] = [
        {"features": {"subscription_cancel": {"enabled": True, "mode": "immediately"}}},
        {"features": {"subscription_cancel": {"enabled": False}}},
        {"features": {"subscription_update": {"enabled": True}}},
        {"features": {"payment_method_update": {"enabled": False}}},
        {"features": {"customer_update": {"enabled": True, "allowed_updates": ["name"]}}},
        {"features": {"customer_update": {"enabled": False}}},
        {"features": {"invoice_history": {"enabled": False}}},
        {"active": False},
    ]
    for spoiled in by_hand:
        account.client.v1.billing_portal.configurations.update(portal.id, spoiled)
        assert account.publish(SHOP) == ["change_portal"], spoiled
        again = the_portal(account)
        assert (again.id, again.active) == (portal.id, True)
        assert again.features.to_dict() == portal.features.to_dict()
    assert account.publish(SHOP) == []


@pytest.mark.parametrize("kind", ["drop_after", "error_after", "error", "drop"])
@pytest.mark.parametrize("path", ["/v1/payment_links", "/v1/billing_portal"])
def test_an_answer_that_is_lost_is_looked_for(account: Account, kind: str, path: str) -> None:
    """The work was done or not, the connection broke or an error was stored under the key."""
    account.fail(kind, path)
    assert account.publish(SHOP) == KINDS
    assert account.foresee(SHOP).steps == ()
    assert account.objects() == OF_EACH


@pytest.mark.parametrize("kind", ["drop_after", "error_after"])
def test_a_change_whose_answer_is_lost_is_made_by_the_next_run(
    account: Account, kind: str
) -> None:
    """A change sets what is to be: the next look finds it done, or does it."""
    account.publish(SHOP)
    changed = "portal: {headline: Your bill}\n" + SHOP.replace("trial_days: 14", "trial_days: 7")
    for path in ("/v1/billing_portal", "/v1/payment_links"):
        account.fail(kind, path)
        with pytest.raises(Unreachable):
            account.publish(changed)
    assert account.publish(changed) == []
    assert the_link(account).subscription_data.trial_period_days == 7
    assert account.objects() == OF_EACH


class Countdown:
    """Stops the world at the n-th time."""

    def __init__(self, times: int) -> None:
        self.left = times

    def __call__(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt


STEPS = ["create_price", "create_link", "close_link", "archive_price"]


@pytest.mark.parametrize("done", range(len(STEPS)))
def test_stopped_while_a_price_is_replaced_its_link_follows(account: Account, done: int) -> None:
    """Whoever comes between two steps finds an open link."""
    account.publish(SHOP)
    with armed("mirror.step.before", Countdown(done)), pytest.raises(KeyboardInterrupt):
        account.publish(DEARER)
    assert account.client.v1.payment_links.list({"active": True}).data
    assert account.publish(DEARER) == STEPS[done:]
    assert account.foresee(DEARER).steps == ()
    assert the_link(account).active
    assert account.objects()["links"] == 2


def test_a_lost_answer_to_a_new_link_does_not_make_two(account: Account) -> None:
    account.publish(SHOP)
    for kind in ("drop_after", "error_after"):
        account.fail(kind, "/v1/payment_links")
        account.publish(DEARER)
        account.publish(SHOP)
    assert account.objects()["links"] == 5


def test_a_price_that_vanished_meanwhile_is_said(account: Account) -> None:
    planned = account.foresee(SHOP)
    [step] = [one for one in planned.steps if one.kind == "create_link"]
    with pytest.raises(Refused, match="There is no price base at Stripe: run the same again"):
        account.provider.carry_out(step.step)
