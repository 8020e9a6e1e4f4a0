"""Somebody who comes by a payment link becomes a customer that both sides know (row A7)."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.request import urlopen

import pytest
from tests.workflows.stripe_account import START
from tests.workflows.trade import Trade
from tests.workflows.trading import SHOP

from tallygate.adapters.store import accounts, audit_log, inbox, purchases
from tallygate.adapters.store.inbox import NewHint
from tallygate.core.failpoints import armed
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirror.carry_out import Account
from tallygate.workflows.mirror.reconcile import reconcile
from tallygate.workflows.mirror.settle import settle_due
from tallygate.workflows.mirror.welcome import reference_for
from tallygate_sandbox.testing import running_sandbox


@pytest.fixture
def trade(installation: Installation) -> Iterator[Trade]:
    with running_sandbox(frozen=START) as sandbox:
        trade = Trade(installation, sandbox, SHOP + "links: true\n")
        trade.work()
        yield trade


def visit(trade: Trade, reference: str | None = None, link: str = "basic:month") -> str:
    """Open a link as a browser does; gives the session where it leads."""
    [address] = [
        one.url
        for one in trade.v1.payment_links.list().data
        if one.metadata["tallygate_link"] == link
    ]
    asked = "" if reference is None else f"?client_reference_id={reference}"
    with urlopen(f"{address}{asked}", timeout=20) as page:  # noqa: S310  # ours
        return str(page.url.rsplit("/", 1)[-1])


def pay(trade: Trade, session: str, **more: Any) -> None:
    body = {"card": "4242424242424242", "email": "a@b.test", **more}
    trade.sandbox.control(f"checkout/sessions/{session}/complete", body)


def buyer(trade: Trade, session: str) -> Account:
    """The account whose purchase a session was."""
    with trade.installation.store.read() as tx:
        purchase = purchases.by_session(tx, session)
    assert purchase is not None
    assert (purchase.way, purchase.state) == ("link", "begun")
    return Account(purchase.billing_account, purchase.organization)


def names(trade: Trade) -> list[str]:
    with trade.installation.store.read() as tx:
        return [one.name for one in accounts.list_organizations(tx, None)]


PAID = [("2026-01-01", 1000, "paid")]


def test_somebody_unknown_becomes_an_organization_of_one(trade: Trade) -> None:
    session = visit(trade)
    pay(trade, session, email="ada@home.test")
    trade.work()
    account = buyer(trade, session)
    assert trade.bills(account) == PAID
    assert len(names(trade)) == 1
    with trade.installation.store.read() as tx:
        made = accounts.get_organization(tx, account.organization)
        assert made.billing_account == account.id
        recorded = [one.entry.operation for one in audit_log.page(tx, account.organization)]
    assert "purchase.link" in recorded
    trade.work()
    assert len(names(trade)) == 1, "however often it is looked at"
    assert reconcile(trade.installation, trade.books) == []


def test_who_buys_through_a_link_is_marked_as_ours_and_both_sides_agree(trade: Trade) -> None:
    acme = trade.tenant()
    session = visit(trade, reference_for(trade.installation, acme.id))
    pay(trade, session)
    trade.work()
    assert buyer(trade, session) == acme
    assert trade.bills(acme) == PAID
    [customer] = trade.v1.customers.list().data
    assert customer.metadata["tallygate_account"] == acme.id
    assert reconcile(trade.installation, trade.books) == []


def forged(trade: Trade, account: str) -> list[str]:
    """References that somebody may try who wants another one's account to be bound."""
    ours = reference_for(trade.installation, account)
    own = reference_for(trade.installation, trade.tenant("mallory").id)
    return [
        account,
        f"{account}_",
        f"{account}_{'0' * 32}",
        f"{account}_{own.rpartition('_')[2]}",
        ours[:-1] + ("0" if ours[-1] != "0" else "1"),
    ]


def bound_by_forgery(trade: Trade) -> set[str]:
    """Which forged references have bound the account that they name."""
    acme = trade.tenant()
    bound = set()
    for reference in forged(trade, acme.id):
        session = visit(trade, reference)
        pay(trade, session)
        trade.work()
        if buyer(trade, session) == acme:
            bound.add(reference)
    return bound


def test_a_forged_reference_never_binds_the_account_that_it_names(trade: Trade) -> None:
    assert bound_by_forgery(trade) == set()
    assert len(names(trade)) == 7, "acme, mallory, and five who have bought for themselves"
    assert reconcile(trade.installation, trade.books) == []


def test_a_signature_that_nobody_checks_would_be_noticed(
    trade: Trade, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tallygate.workflows.mirror.welcome.hmac.compare_digest", lambda *_: True)
    assert bound_by_forgery(trade) != set()


def test_what_was_signed_by_another_installation_binds_nothing(trade: Trade) -> None:
    acme = trade.tenant()
    other = replace(
        trade.installation, settings=replace(trade.installation.settings, secret="another" * 6)
    )
    session = visit(trade, reference_for(other, acme.id))
    pay(trade, session)
    trade.work()
    assert buyer(trade, session) != acme


def test_an_open_checkout_gives_way_to_what_was_bought_by_the_link(trade: Trade) -> None:
    acme = trade.tenant()
    opened = trade.buy(acme, "pro")
    session = visit(trade, reference_for(trade.installation, acme.id))
    pay(trade, session)
    trade.work()
    assert buyer(trade, session) == acme
    assert trade.bills(acme) == PAID
    assert trade.v1.checkout.sessions.retrieve(opened.session).status == "expired"
    assert reconcile(trade.installation, trade.books) == []


@pytest.mark.parametrize("begun", [True, False])
def test_who_has_bought_already_keeps_that_and_the_operator_is_told(
    begun: bool, trade: Trade, caplog: pytest.LogCaptureFixture
) -> None:
    acme = trade.tenant()
    trade.complete(trade.buy(acme, "pro"))
    if begun:
        trade.work()
    session = visit(trade, reference_for(trade.installation, acme.id))
    pay(trade, session)
    trade.work()
    other = buyer(trade, session)
    assert other != acme
    assert trade.bills(other) == PAID
    assert trade.bills(acme) == [("2026-01-01", 2900, "paid")]
    assert f"{acme.id} has a subscription or is buying one" in caplog.text
    assert reconcile(trade.installation, trade.books) == []


def hint(trade: Trade, type_: str, session: str) -> None:
    """The provider tells something of a session."""
    about = {"id": session, "object": "checkout.session", "payment_link": "plink_1"}
    new = NewHint(
        id=f"evt_{type_}",
        type=type_,
        thin=False,
        created=trade.clock.now(),
        api_version=None,
        received_at=trade.clock.now(),
        state="waiting",
        body=json.dumps({"data": {"object": about}}).encode(),
    )
    with trade.installation.store.write() as tx:
        inbox.keep(tx, [new])


def test_a_delayed_payment_begins_the_subscription_once_it_has_come(
    trade: Trade, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bank debit: the checkout is complete and unpaid, days before the money comes."""
    session, shown = visit(trade), trade.books.session
    pay(trade, session)
    waits = replace(shown(session), paid=False)
    with monkeypatch.context() as patch:
        patch.setattr(trade.books, "session", lambda _id: waits)
        trade.work()
        assert names(trade) == [], "nothing is given before it is paid for"
    trade.clock.advance(timedelta(minutes=5))
    hint(trade, "checkout.session.async_payment_succeeded", session)
    trade.work()
    assert trade.bills(buyer(trade, session)) == PAID
    hint(trade, "checkout.session.async_payment_failed", session)
    trade.work()
    assert trade.bills(buyer(trade, session)) == PAID


@pytest.mark.parametrize("where", ["welcome.commit.before", "welcome.commit.after"])
def test_a_crash_makes_nobody_twice(where: str, trade: Trade) -> None:
    class Crash(BaseException):
        """The process is gone."""

    def crash() -> None:
        raise Crash

    session = visit(trade)
    pay(trade, session)
    with armed(where, crash), pytest.raises(Crash):
        trade.work()
    trade.work()
    assert len(names(trade)) == 1
    assert trade.bills(buyer(trade, session)) == PAID


def test_a_hint_that_breaks_us_keeps_no_other_from_being_settled(
    trade: Trade, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pay(trade, visit(trade))
    acme = trade.tenant()
    trade.complete(trade.buy(acme, "pro"))
    monkeypatch.setattr("tallygate.workflows.mirror.settle.welcome", lambda *_: 1 / 0)
    trade.work()
    assert trade.bills(acme) == [("2026-01-01", 2900, "paid")]
    assert settle_due(trade.installation, trade.books) == 0
    assert "broke off by a mistake of ours" in caplog.text


@pytest.mark.parametrize("name", ["x" * 300, "A\tB\u202e", " "])
def test_a_buyer_may_be_called_anything(
    name: str, trade: Trade, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, shown = visit(trade), trade.books.session
    pay(trade, session)
    monkeypatch.setattr(trade.books, "session", lambda id_: replace(shown(id_), name=name))
    trade.work()
    assert trade.bills(buyer(trade, session)) == PAID
    [given] = names(trade)
    assert given in {"x" * 200, "AB", session}
