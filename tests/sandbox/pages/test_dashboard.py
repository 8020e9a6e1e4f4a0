"""The page at /: what is there, what happened, and the clock."""

from typing import Any

import pytest
from stripe import StripeClient
from tests.sandbox.checkout.shop import Shop
from tests.sandbox.checkout.test_completion import complete
from tests.sandbox.conftest import START
from tests.sandbox.pages.visitor import follow, visit

from tallygate_sandbox.testing import RunningSandbox

HOUR, DAY = 3600, 86_400


@pytest.fixture
def bought(sandbox: RunningSandbox, client: StripeClient, shop: Shop) -> dict[str, Any]:
    client.v1.webhook_endpoints.create(
        {"url": "http://127.0.0.1:9/hook", "enabled_events": ["invoice.paid"]}
    )
    return complete(sandbox, shop.open().id, email="ada@example.com", name="Ada <i>")


def test_it_shows_what_is_there(sandbox: RunningSandbox, bought: dict[str, Any]) -> None:
    page = visit(sandbox.url)
    for said in ("Ada <i>", "Pro plan", "paid", "checkout.session.completed", "invoice.paid"):
        assert said in page.text
    assert "<i>" not in page.html
    assert "1 Jan 2026, 00:00:00 UTC" in page.text


@pytest.mark.parametrize("section", ["customers", "subscriptions", "invoices", "events"])
def test_an_object_is_shown_as_the_api_shows_it(
    sandbox: RunningSandbox, client: StripeClient, bought: dict[str, Any], section: str
) -> None:
    ids = {
        "customers": bought["customer"],
        "subscriptions": bought["subscription"],
        "invoices": bought["invoice"],
        "events": client.v1.events.list().data[0].id,
    }
    assert ids[section] in visit(f"{sandbox.url}/dashboard/{section}").html
    page = visit(f"{sandbox.url}/dashboard/{section}/{ids[section]}")
    assert f'"id": "{ids[section]}"' in page.text
    assert '"_' not in page.text


def test_deliveries_are_listed_with_their_attempts(
    sandbox: RunningSandbox, bought: dict[str, Any]
) -> None:
    page = visit(f"{sandbox.url}/dashboard/deliveries")
    assert "invoice.paid" in page.text
    assert "http://127.0.0.1:9/hook" in page.text


def test_lists_are_searched_and_paged(sandbox: RunningSandbox, client: StripeClient) -> None:
    for number in range(30):
        client.v1.customers.create({"name": f"Customer {number:02d}"})
    address = f"{sandbox.url}/dashboard/customers"
    first, second = visit(address), visit(f"{address}?page=2")
    assert "Customer 29" in first.text
    assert "Customer 04" not in first.text
    assert "Customer 04" in second.text
    found = visit(f"{address}?q=customer+07")
    assert "Customer 07" in found.text
    assert "Customer 08" not in found.text
    assert visit(f"{address}?page=x&q=%22%3E%3Cscript%3E").status == 200
    assert visit(f"{sandbox.url}/dashboard/none").status == 404
    assert visit(f"{address}/cus_none").status == 404


def test_buttons_move_time(sandbox: RunningSandbox, shop: Shop) -> None:
    complete(sandbox, shop.open().id, email="ada@example.com")
    address = f"{sandbox.url}/dashboard/clock"

    def after(**form: str) -> int:
        assert visit(address, form).status == 303
        now: int = sandbox.control("clock")["now"]
        return now

    assert after(by="hour") == START + HOUR
    assert after(by="day") == START + DAY + HOUR
    assert after(to="2026-01-20") == START + 19 * DAY
    assert after(by="month") == START + 50 * DAY  # 20 February
    assert "Invoices 2" in visit(sandbox.url).text
    following = sandbox.control("clock")["next_due"]
    assert after(by="next") == following
    moved = visit(address, {"by": "hour", "back": "/dashboard/events"})
    assert moved.leads == "/dashboard/events"
    assert visit(address, {"by": "hour", "back": "//evil.example"}).leads == "/"


def test_time_goes_forward_only(sandbox: RunningSandbox) -> None:
    address = f"{sandbox.url}/dashboard/clock"
    for day in ("2025-12-31", "2026-01-01", "soon"):
        assert visit(address, {"to": day}).status == 400
    assert sandbox.control("clock")["now"] == START


@pytest.mark.parametrize(
    "headers", [{"Origin": "http://evil.example"}, {"Host": "evil.example:80"}]
)
def test_it_is_not_for_pages_of_others(sandbox: RunningSandbox, headers: dict[str, str]) -> None:
    assert visit(f"{sandbox.url}/dashboard/clock", {"by": "day"}, **headers).status == 403
    assert sandbox.control("clock")["now"] == START


def test_a_name_led_to_this_machine_reads_nothing(sandbox: RunningSandbox) -> None:
    assert visit(sandbox.url, Host="evil.example").status == 403
    assert follow(sandbox.url, visit(f"{sandbox.url}/dashboard/clock", {})).status == 200
