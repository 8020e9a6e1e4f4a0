"""Finding payment intents and charges again: by search, and by whose they are."""

import pytest
import stripe
from stripe import StripeClient


@pytest.fixture
def customer(client: StripeClient) -> str:
    return client.v1.customers.create({}).id


def pay(
    client: StripeClient, customer: str, amount: int = 2500, order: str = ""
) -> stripe.PaymentIntent:
    return client.v1.payment_intents.create(
        {
            "amount": amount,
            "currency": "usd",
            "customer": customer,
            "payment_method": "pm_card_visa",
            "confirm": True,
            "off_session": True,
            "metadata": {"order": order},
        }
    )


def test_search_finds_what_was_written(client: StripeClient, customer: str) -> None:
    for amount in (1000, 2000, 3000):
        pay(client, customer, amount, f"6-{amount}")

    def found(query: str) -> list[int]:
        return [i.amount for i in client.v1.payment_intents.search({"query": query}).data]

    assert found("amount>1000") == [3000, 2000]
    assert found("amount>=1000 AND amount<3000") == [2000, 1000]
    assert found("metadata['order']:'6-2000'") == [2000]
    assert found('status:"succeeded" AND -amount:3000') == [2000, 1000]
    assert found(f"customer:'{customer}' AND metadata['other']:null") == [3000, 2000, 1000]
    assert found("amount:1000 OR amount:3000") == [3000, 1000]
    first = client.v1.payment_intents.search({"query": "currency:'usd'", "limit": 2})
    assert (first.has_more, len(first.data)) == (True, 2)
    assert first.next_page
    rest = client.v1.payment_intents.search(
        {"query": "currency:'usd'", "limit": 2, "page": first.next_page}
    )
    assert ([i.amount for i in rest.data], rest.has_more) == ([1000], False)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "amount",
        "amount>",
        "color:'red'",
        "status~'succ'",
        "amount:1 AND currency:'usd' OR amount:2",
        "metadata:'x'",
        "amount>x",
        "status:'a' AND",
    ],
)
def test_a_query_that_is_none(client: StripeClient, query: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.payment_intents.search({"query": query})
    assert caught.value.param == "query"


def test_lists_by_customer(client: StripeClient, customer: str) -> None:
    other = client.v1.customers.create({}).id
    mine = pay(client, customer)
    theirs = pay(client, other)
    setup = client.v1.setup_intents.create({"customer": other}).id
    assert [i.id for i in client.v1.payment_intents.list().data] == [theirs.id, mine.id]
    of = client.v1.payment_intents.list({"customer": customer})
    assert [i.id for i in of.data] == [mine.id]
    charges = client.v1.charges.list({"customer": customer, "payment_intent": mine.id}).data
    assert [c.id for c in charges] == [mine.latest_charge]
    assert client.v1.charges.list({"customer": other, "payment_intent": mine.id}).data == []
    assert [s.id for s in client.v1.setup_intents.list({"customer": other}).data] == [setup]
    assert client.v1.setup_intents.list({"customer": customer}).data == []
    moved = client.v1.balance_transactions.list({"source": str(mine.latest_charge)}).data
    assert [t.amount for t in moved] == [2500]
    last4 = "payment_method_details.card.last4:'4242'"
    found = client.v1.charges.search({"query": f"customer:'{other}' AND {last4}"}).data
    assert [c.id for c in found] == [theirs.latest_charge]
