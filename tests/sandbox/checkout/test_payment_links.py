"""What a payment link says, and which sessions its visitors get."""

from typing import Any
from urllib.request import urlopen

import pytest
from stripe import InvalidRequestError, StripeClient
from tests.sandbox.checkout.shop import Shop
from tests.sandbox.checkout.test_completion import complete

from tallygate_sandbox.testing import RunningSandbox


def visit(address: str) -> str:
    """Open a link as a browser does; gives the id of the session where it leads."""
    with urlopen(address, timeout=20) as answer:  # noqa: S310  # our own http
        return str(answer.url).rsplit("/", 1)[-1]


def a_link(shop: Shop, **more: Any) -> Any:
    params: Any = {"line_items": [{"price": shop.monthly, "quantity": 2}], **more}
    return shop.client.v1.payment_links.create(params)


def test_a_link_opens_a_session_for_each_visitor(
    sandbox: RunningSandbox, client: StripeClient, shop: Shop
) -> None:
    link = a_link(shop, metadata={"a": "b"}, subscription_data={"trial_period_days": 3})
    assert link.url.startswith(f"{sandbox.url}/b/test_")
    assert link.active
    assert link.currency == "usd"
    one = visit(f"{link.url}?client_reference_id=team-1&prefilled_email=ada%40example.com")
    two = visit(f"{link.url}?client_reference_id=not%20a%20reference")
    assert one != two
    session = client.v1.checkout.sessions.retrieve(one)
    assert session.payment_link == link.id
    assert session.client_reference_id == "team-1"
    assert session.customer_email == "ada@example.com"
    assert session.metadata is not None
    assert session.metadata["a"] == "b"
    assert client.v1.checkout.sessions.retrieve(two).client_reference_id is None
    found = client.v1.checkout.sessions.list({"payment_link": link.id}).data
    assert [s.id for s in found] == [two, one]
    done = complete(sandbox, one)
    assert client.v1.subscriptions.retrieve(done["subscription"]).status == "trialing"


def test_a_link_sells_what_is_paid_once_too(
    sandbox: RunningSandbox, client: StripeClient, shop: Shop
) -> None:
    shirt = {"currency": "usd", "unit_amount": 9900, "product_data": {"name": "Shirt"}}
    link = a_link(shop, line_items=[{"price_data": shirt, "quantity": 1}])
    done = complete(sandbox, visit(link.url), email="a@example.com")
    assert done["mode"] == "payment"
    assert client.v1.payment_intents.retrieve(done["payment_intent"]).amount_received == 9900
    assert link.subscription_data is None


def test_its_lines_can_be_read_and_changed(client: StripeClient, shop: Shop) -> None:
    link = a_link(shop)
    (line,) = client.v1.payment_links.line_items.list(link.id).data
    assert (line.quantity, line.amount_total) == (2, 5000)
    client.v1.payment_links.update(link.id, {"line_items": [{"id": line.id, "quantity": 3}]})
    expanded = client.v1.payment_links.retrieve(link.id, {"expand": ["line_items"]})
    assert expanded.line_items is not None
    assert expanded.line_items.data[0].amount_total == 7500


def test_a_deactivated_link_opens_nothing(client: StripeClient, shop: Shop) -> None:
    link = a_link(shop, inactive_message="Sold out.")
    client.v1.payment_links.update(link.id, {"active": False})
    with pytest.raises(Exception, match="410"):
        visit(link.url)
    assert client.v1.checkout.sessions.list().data == []
    assert client.v1.payment_links.list({"active": True}).data == []
    assert [one.id for one in client.v1.payment_links.list({"active": False}).data] == [link.id]


def test_a_link_may_be_used_up(sandbox: RunningSandbox, client: StripeClient, shop: Shop) -> None:
    link = a_link(shop, restrictions={"completed_sessions": {"limit": 1}})
    complete(sandbox, visit(link.url), email="a@example.com")
    restrictions = client.v1.payment_links.retrieve(link.id).restrictions
    assert restrictions is not None
    assert (restrictions.completed_sessions.count, restrictions.completed_sessions.limit) == (1, 1)
    with pytest.raises(Exception, match="410"):
        visit(link.url)


def test_a_link_leads_where_it_is_told(shop: Shop, client: StripeClient) -> None:
    where = {"type": "redirect", "redirect": {"url": "http://127.0.0.1:9/thanks"}}
    link = a_link(shop, after_completion=where)
    session = client.v1.checkout.sessions.retrieve(visit(link.url))
    assert session.success_url == "http://127.0.0.1:9/thanks"
    with pytest.raises(InvalidRequestError, match="Not a valid URL"):
        a_link(shop, after_completion={"type": "redirect", "redirect": {"url": "data:,x"}})


def test_metered_prices_and_missing_quantities_are_refused(shop: Shop) -> None:
    with pytest.raises(InvalidRequestError, match="metered"):
        a_link(shop, line_items=[{"price": shop.metered, "quantity": 1}])
    with pytest.raises(InvalidRequestError) as refused:
        a_link(shop, line_items=[{"price": shop.monthly}])
    assert refused.value.param == "line_items[0][quantity]"
    with pytest.raises(InvalidRequestError, match="recurring price"):
        a_link(
            shop,
            line_items=[{"price": shop.once, "quantity": 1}],
            subscription_data={"trial_period_days": 3},
        )
