"""Credit pays metered lines, in Stripe's order, and comes back."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from tests.sandbox.conftest import START
from tests.sandbox.credits.conftest import Crediting

from tallygate_sandbox.credits import application, apply, restore
from tallygate_sandbox.testing import RunningSandbox
from tallygate_sandbox.world import SandboxClock, World

DAY = 24 * 3600


def test_credit_pays_line_by_line(crediting: Crediting) -> None:
    grant = crediting.grant(100)
    invoice = crediting.invoice("in_1", 70, 50)
    # 70 of the first line, the remaining 30 of the second.
    assert invoice["paid"] == 100
    assert [e["amount"] for e in invoice["total_pretax_credit_amounts"]] == [70, 30]
    paid = [line["pretax_credit_amounts"] for line in invoice["lines"]]
    assert [[entry["amount"] for entry in entries] for entries in paid] == [[70], [30]]
    transaction = paid[0][0]["credit_balance_transaction"]
    assert paid[0][0]["type"] == "credit_balance_transaction"
    shown: Any = crediting.client.v1.billing.credit_balance_transactions.retrieve(transaction)
    assert shown.to_dict() == {
        "id": transaction,
        "object": "billing.credit_balance_transaction",
        "created": START,
        "credit": None,
        "credit_grant": grant.id,
        "debit": {
            "amount": {"monetary": {"currency": "usd", "value": 70}, "type": "monetary"},
            "credits_applied": {"invoice": "in_1", "invoice_line_item": "il_in_1_0"},
            "type": "credits_applied",
        },
        "effective_at": START,
        "livemode": False,
        "test_clock": None,
        "type": "debit",
    }
    assert crediting.balance() == {"usd": (0, 0)}
    assert len(crediting.events("billing.credit_balance_transaction.created")) == 3


def test_only_its_prices_and_its_currency_are_paid(crediting: Crediting) -> None:
    crediting.grant(100, applicability_config={"scope": {"prices": [{"id": crediting.prices[1]}]}})
    crediting.grant(100, currency="eur")
    invoice = crediting.invoice("in_1", 70, 50)
    assert invoice["paid"] == 50
    assert "pretax_credit_amounts" not in invoice["lines"][0]


def test_the_order_of_grants(crediting: Crediting) -> None:
    """Priority, then the earlier end, then promotional, then earlier effective, then older."""
    later: Any = {"expires_at": START + 9 * DAY}
    sooner: Any = {"expires_at": START + 5 * DAY}
    last = crediting.grant(1, priority=60).id
    paid = crediting.grant(1).id
    younger = crediting.grant(1).id
    earlier = crediting.grant(1, effective_at=START - DAY).id
    promotional = crediting.grant(1, category="promotional").id
    ends_later = crediting.grant(1, **later).id
    ends_sooner = crediting.grant(1, **sooner).id
    first = crediting.grant(1, priority=0).id
    crediting.invoice("in_1", 100)
    listed = crediting.client.v1.billing.credit_balance_transactions.list(
        {"customer": crediting.customer, "limit": 100}
    )
    used = [one.credit_grant for one in reversed(listed.data) if one.debit]
    assert used == [first, ends_sooner, ends_later, promotional, earlier, paid, younger, last]


def test_a_voided_invoice_gives_its_credit_back_once(crediting: Crediting) -> None:
    crediting.grant(100)
    crediting.invoice("in_1", 40, 20)
    crediting.invoice("in_2", 10)
    crediting.void("in_1")
    crediting.void("in_1")
    assert crediting.balance() == {"usd": (90, 90)}
    assert crediting.ledger() == [
        ("credits_granted", 100),
        ("credits_applied", -40),
        ("credits_applied", -20),
        ("credits_applied", -10),
        ("credits_application_invoice_voided", 40),
        ("credits_application_invoice_voided", 20),
    ]


def test_what_comes_back_too_late_is_gone(crediting: Crediting, sandbox: RunningSandbox) -> None:
    crediting.grant(100, expires_at=START + DAY)
    crediting.invoice("in_1", 40)
    sandbox.advance_to(START + DAY)
    crediting.void("in_1")
    assert crediting.balance() == {"usd": (0, 0)}
    assert crediting.ledger()[2:] == [
        ("credits_expired", -60),
        ("credits_application_invoice_voided", 40),
        ("credits_expired", -40),
    ]


# Against a plain recount, for random grants and invoices.


def burned(grants: list[dict[str, Any]], lines: list[tuple[str, int]]) -> dict[str, int]:
    """What each grant pays, one minor unit at a time, by Stripe's order."""
    left = {grant["id"]: grant["left"] for grant in grants}
    for price, amount in lines:
        for _ in range(amount):
            fits = [
                grant
                for grant in grants
                if left[grant["id"]] > 0 and (not grant["prices"] or price in grant["prices"])
            ]
            if fits:
                left[min(fits, key=lambda grant: grant["turn"])["id"]] -= 1
    return {grant["id"]: grant["left"] - left[grant["id"]] for grant in grants}


def draw_world(rng: random.Random) -> tuple[World, list[dict[str, Any]]]:
    """A world with one customer's grants, and the same grants for the recount."""
    world, plain = World(SandboxClock(START), 1), []
    with world.transaction():
        world.add({"id": "cus_a", "object": "customer", "test_clock": None})
        for number in range(rng.randrange(6)):
            priority, expires = rng.choice([0, 50]), rng.choice([None, START + 1, START + 2])
            category, start = rng.choice(["paid", "promotional"]), START - rng.randrange(2)
            value, prices = rng.randrange(1, 9), rng.choice([[], ["price_a"], ["price_b"]])
            scope = (
                {"prices": [{"id": p} for p in prices]} if prices else {"price_type": "metered"}
            )
            world.add(
                {
                    "id": f"credgr_{number}",
                    "object": "billing.credit_grant",
                    "amount": {"monetary": {"currency": "usd", "value": value}},
                    "applicability_config": {"scope": scope},
                    "category": category,
                    "created": START,
                    "customer": "cus_a",
                    "effective_at": start,
                    "expires_at": expires,
                    "priority": priority,
                    "test_clock": None,
                    "voided_at": None,
                    "_available": value,
                }
            )
            end = (expires is None, expires)
            turn = (priority, end, category == "paid", start, number)
            plain.append({"id": f"credgr_{number}", "left": value, "prices": prices, "turn": turn})
    return world, plain


def disagreements(draw: int) -> list[str]:
    rng = random.Random(draw)  # noqa: S311  # a seed, to repeat a draw
    world, plain = draw_world(rng)
    prices = rng.sample(["price_a", "price_b"], rng.randrange(1, 3))
    amounts = [rng.randrange(20) for _ in prices]
    invoice = {"id": "in_1", "object": "invoice", "customer": "cus_a", "currency": "usd"}
    lines: list[dict[str, Any]] = [
        {"id": price, "pricing": {"price_details": {"price": price}}} for price in prices
    ]
    with world.transaction():
        paid = apply(world, invoice, lines, dict(zip(prices, amounts, strict=True)))
    due = burned(plain, list(zip(prices, amounts, strict=True)))
    after = {g["id"]: world.get("billing.credit_grant", g["id"])["_available"] for g in plain}
    got = {g["id"]: g["left"] - after[g["id"]] for g in plain}
    wrong = [] if paid == sum(got.values()) else [f"draw {draw}: paid {paid}, used {got}"]
    if sum(got.values()) > sum(amounts) or got != due:
        wrong.append(f"draw {draw}: {got} is not {due}")
    with world.transaction():
        restore(world, "in_1")
    if any(world.get("billing.credit_grant", g["id"])["_available"] != g["left"] for g in plain):
        wrong.append(f"draw {draw}: not all came back")
    return wrong


def test_credit_is_used_as_a_recount_says() -> None:
    assert [line for draw in range(300) for line in disagreements(draw)] == []


@pytest.mark.parametrize(
    ("name", "defect"),
    [
        ("_turn", lambda grant: -grant["priority"]),
        ("pays_for", lambda grant, price: True),
    ],
)
def test_a_wrong_application_is_caught(
    monkeypatch: pytest.MonkeyPatch, name: str, defect: Callable[..., Any]
) -> None:
    monkeypatch.setattr(application, name, defect)
    assert any(disagreements(draw) for draw in range(100))
