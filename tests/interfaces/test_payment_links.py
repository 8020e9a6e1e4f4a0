"""A buyer by a payment link, all the way from `catalog apply` to what the API says (row A7)."""

from pathlib import Path
from typing import Any
from urllib.request import urlopen

from tests.interfaces.commands import Run, told
from tests.interfaces.shop import CATALOG, Shop

from tallygate.workflows import publish


def published(shop: Shop, run: Run, environment: dict[str, str]) -> dict[tuple[str, str], str]:
    """Publish the shop's price list with its links, by the command; gives their addresses."""
    text = f"{CATALOG}links: true\n"
    path = environment["TALLYGATE_CATALOG"]
    Path(path).write_text(text, "utf-8")
    stripe = {"STRIPE_SECRET_KEY": "sk_test_1", "STRIPE_API_BASE": shop.sandbox.url}
    run("catalog", "apply", path, "--commit", env=stripe)
    links = told(run("catalog", "links", "--json", env=stripe))
    publish.apply(shop.installation, text)
    shop.trade.work()
    return {(one["plan"], one["interval"]): one["url"] for one in links}


def buy(shop: Shop, address: str, email: str) -> None:
    """Open a link's address, pay on the page where it leads, and let the worker work."""
    with urlopen(address, timeout=20) as page:  # noqa: S310  # the sandbox's
        session = page.url.rsplit("/", 1)[-1]
    body = {"card": "4242424242424242", "email": email, "name": email.partition("@")[0]}
    shop.sandbox.control(f"checkout/sessions/{session}/complete", body)
    shop.trade.work()


def standing(shop: Shop, who: str) -> tuple[str, str]:
    mine = shop.platform.ok("GET", f"/api/v1/billing/subscription?organizationId={who}")
    return mine["plan"], mine["status"]


def everybody(shop: Shop) -> dict[str, dict[str, Any]]:
    found = shop.platform.ok("GET", "/v1/organizations?limit=100")["data"]
    return {one["name"]: one for one in found}


def test_somebody_unknown_and_a_customer_of_ours_buy_by_links(
    shop: Shop, run: Run, environment: dict[str, str]
) -> None:
    links = published(shop, run, environment)
    before = everybody(shop)
    buy(shop, links["small", "month"], "ada@home.test")
    [name] = everybody(shop).keys() - before.keys()
    ada = everybody(shop)[name]
    assert name == "ada"
    assert standing(shop, ada["id"]) == ("SMALL", "ACTIVE")
    [paid] = shop.platform.ok("GET", f"/api/v1/billing/invoices?organizationId={ada['id']}")[
        "invoices"
    ]
    assert (paid["status"], paid["amount_paid"]) == ("paid", 2900)

    acme = shop.as_(shop.acme)
    body = {"billing_account": shop.acme.billing_account}
    reference = acme.ok("POST", "/v1/payment_link_references", body)["reference"]
    forged = f"{shop.rival.billing_account}_{reference.rpartition('_')[2]}"
    buy(shop, f"{links['large', 'month']}?client_reference_id={reference}", "it@acme.test")
    assert standing(shop, shop.acme.id) == ("LARGE", "ACTIVE")
    assert everybody(shop).keys() == before.keys() | {"ada"}, "nobody new: it was acme"

    buy(shop, f"{links['large', 'month']}?client_reference_id={forged}", "eve@evil.test")
    assert standing(shop, shop.rival.id) == ("FREE", "ACTIVE")
    assert everybody(shop).keys() == before.keys() | {"ada", "eve"}
