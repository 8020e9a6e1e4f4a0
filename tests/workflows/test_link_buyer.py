"""Somebody who comes by a payment link becomes a customer that both sides know."""

from urllib.request import urlopen

from tests.workflows.stripe_account import START
from tests.workflows.trade import Trade
from tests.workflows.trading import SHOP

from tallygate.workflows.installation import Installation
from tallygate.workflows.reconcile import reconcile
from tallygate.workflows.welcome import reference_for
from tallygate_sandbox.testing import running_sandbox


def test_who_buys_through_a_link_is_marked_as_ours_and_both_sides_agree(
    installation: Installation,
) -> None:
    with running_sandbox(frozen=START) as sandbox:
        trade = Trade(installation, sandbox, SHOP + "links: true\n")
        trade.work()
        acme = trade.tenant()
        [address] = [
            link.url
            for link in trade.v1.payment_links.list().data
            if link.metadata["tallygate_link"] == "basic:month"
        ]
        reference = reference_for(installation, acme.id)
        with urlopen(f"{address}?client_reference_id={reference}", timeout=20) as page:  # noqa: S310  # ours
            session = page.url.rsplit("/", 1)[-1]
        body = {"card": "4242424242424242", "email": "a@b.test"}
        sandbox.control(f"checkout/sessions/{session}/complete", body)
        trade.work()
        assert trade.bills(acme) == [("2026-01-01", 1000, "paid")]
        [customer] = trade.v1.customers.list().data
        assert customer.metadata["tallygate_account"] == acme.id
        assert reconcile(installation, trade.books) == []
