from typing import Any

import pytest
from stripe import InvalidRequestError, StripeClient
from tests.sandbox.conftest import START
from tests.sandbox.credits.conftest import Crediting

from tallygate_sandbox.testing import RunningSandbox

DAY = 24 * 3600


def test_a_grant_has_stripes_defaults(crediting: Crediting, client: StripeClient) -> None:
    grant = crediting.grant(name="Prepaid", metadata={"order": "7"})
    assert grant.to_dict() == {
        "id": grant.id,
        "object": "billing.credit_grant",
        "amount": {"monetary": {"currency": "usd", "value": 1000}, "type": "monetary"},
        "applicability_config": {"scope": {"price_type": "metered"}},
        "category": "paid",
        "created": START,
        "customer": crediting.customer,
        "customer_account": None,
        "effective_at": START,
        "expires_at": None,
        "livemode": False,
        "metadata": {"order": "7"},
        "name": "Prepaid",
        "priority": 50,
        "test_clock": None,
        "updated": START,
        "voided_at": None,
    }
    assert client.v1.billing.credit_grants.retrieve(grant.id).to_dict() == grant.to_dict()
    assert [g["id"] for g in crediting.events("billing.credit_grant.created")] == [grant.id]
    assert crediting.ledger() == [("credits_granted", 1000)]
    assert crediting.balance() == {"usd": (1000, 1000)}


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"customer": "cus_0"}, "resource_missing", "customer"),
        ({"amount": {"type": "monetary"}}, "parameter_missing", "amount[monetary]"),
        (
            {"amount": {"type": "monetary", "monetary": {"currency": "usd", "value": 0}}},
            None,
            "amount[monetary][value]",
        ),
        ({"priority": 101}, None, "priority"),
        ({"category": "gift"}, None, "category"),
        ({"expires_at": START}, None, "expires_at"),
        ({"effective_at": START + DAY, "expires_at": START + DAY}, None, "expires_at"),
        (
            {
                "applicability_config": {
                    "scope": {"price_type": "metered", "prices": [{"id": "p"}]}
                }
            },
            None,
            "applicability_config[scope]",
        ),
        ({"applicability_config": {}}, "parameter_missing", "applicability_config"),
        (
            {"applicability_config": {"scope": {"prices": [{"id": "price_0"}]}}},
            "resource_missing",
            "applicability_config[scope][prices][0][id]",
        ),
        (
            {"applicability_config": {"scope": {"prices": [{"id": "price_0"}] * 21}}},
            None,
            "applicability_config[scope][prices]",
        ),
    ],
)
def test_a_malformed_grant_is_refused(
    crediting: Crediting, params: dict[str, Any], code: str | None, param: str | None
) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        crediting.grant(**params)
    assert (refused.value.http_status, refused.value.code, refused.value.param) == (
        400,
        code,
        param,
    )


def test_a_licensed_price_takes_no_credit(crediting: Crediting, client: StripeClient) -> None:
    price = client.v1.prices.create(
        {
            "product_data": {"name": "Base"},
            "currency": "usd",
            "unit_amount": 9900,
            "recurring": {"interval": "month"},
        }
    ).id
    with pytest.raises(InvalidRequestError) as refused:
        crediting.grant(applicability_config={"scope": {"prices": [{"id": price}]}})
    assert refused.value.param == "applicability_config[scope][prices][0][id]"


def test_a_customer_has_at_most_a_hundred_unused_grants(
    crediting: Crediting, client: StripeClient
) -> None:
    first = crediting.grant(1)
    for _ in range(99):
        crediting.grant(1)
    with pytest.raises(InvalidRequestError):
        crediting.grant(1)
    client.v1.billing.credit_grants.expire(first.id)
    crediting.grant(1)


def test_a_grant_ends_by_itself_and_says_so(
    crediting: Crediting, client: StripeClient, sandbox: RunningSandbox
) -> None:
    grant = crediting.grant(700, expires_at=START + DAY)
    crediting.grant(50)
    sandbox.advance_to(START + DAY - 1)
    assert crediting.balance() == {"usd": (750, 750)}
    sandbox.advance_to(START + DAY)
    assert crediting.balance() == {"usd": (50, 50)}
    assert crediting.ledger(credit_grant=grant.id) == [
        ("credits_granted", 700),
        ("credits_expired", -700),
    ]
    with pytest.raises(InvalidRequestError):
        client.v1.billing.credit_grants.expire(grant.id)


def test_the_end_can_be_moved_and_taken_away(
    crediting: Crediting, client: StripeClient, sandbox: RunningSandbox
) -> None:
    grants = client.v1.billing.credit_grants
    moved, freed = (crediting.grant(100, expires_at=START + DAY).id for _ in range(2))
    assert grants.update(moved, {"expires_at": START + 2 * DAY}).expires_at == START + 2 * DAY
    assert grants.update(freed, {"expires_at": "", "metadata": {"a": "b"}}).expires_at is None
    sandbox.advance_to(START + DAY)
    assert crediting.balance() == {"usd": (200, 200)}
    with pytest.raises(InvalidRequestError):
        grants.update(moved, {"expires_at": START + DAY})
    sandbox.advance_to(START + 2 * DAY)
    assert crediting.balance() == {"usd": (100, 100)}
    assert [e["id"] for e in crediting.events("billing.credit_grant.updated")] == [moved, freed]


def test_expiring_and_voiding_now(
    crediting: Crediting, client: StripeClient, sandbox: RunningSandbox
) -> None:
    expired, voided, used = (crediting.grant(100).id for _ in range(3))
    grants = client.v1.billing.credit_grants
    sandbox.advance_to(START + 60)
    assert grants.expire(expired).expires_at == START + 60
    assert grants.void_grant(voided).voided_at == START + 60
    assert [kind for kind, _ in crediting.ledger()[3:]] == ["credits_expired", "credits_voided"]
    crediting.invoice("in_1", 30)
    with pytest.raises(InvalidRequestError):
        grants.void_grant(used)
    grants.expire(used)
    assert crediting.balance() == {"usd": (0, 0)}
    for verb in (grants.expire, grants.void_grant):
        for ident in (expired, voided, used):
            with pytest.raises(InvalidRequestError):
                verb(ident)


def test_what_is_not_yet_effective_is_in_the_ledger_only(
    crediting: Crediting, sandbox: RunningSandbox
) -> None:
    crediting.grant(100, effective_at=START + DAY)
    assert crediting.balance() == {"usd": (0, 100)}
    assert crediting.invoice("in_1", 60)["paid"] == 0
    sandbox.advance_to(START + DAY)
    assert crediting.balance() == {"usd": (100, 100)}
    assert crediting.invoice("in_2", 60)["paid"] == 60


def test_lists_belong_to_a_customer(crediting: Crediting, client: StripeClient) -> None:
    mine = [crediting.grant(n + 1).id for n in range(3)]
    ada, crediting.customer = crediting.customer, client.v1.customers.create({}).id
    theirs = crediting.grant(5).id
    grants = client.v1.billing.credit_grants
    assert [g.id for g in grants.list({"customer": ada}).data] == mine[::-1]
    assert [g.id for g in grants.list().data] == [theirs, *mine[::-1]]
    assert crediting.ledger() == [("credits_granted", 5)]
    transactions = client.v1.billing.credit_balance_transactions
    with pytest.raises(InvalidRequestError) as refused:
        transactions.list({})
    assert refused.value.param == "customer"
    one = transactions.list({"customer": ada, "limit": 1})
    assert one.has_more
    assert transactions.retrieve(one.data[0].id).credit_grant == mine[2]


def test_a_balance_by_grant_by_price_and_by_currency(crediting: Crediting) -> None:
    whole = crediting.grant(100)
    crediting.grant(30, currency="EUR")
    scope = {"scope": {"prices": [{"id": crediting.prices[0]}]}}
    crediting.grant(7, applicability_config=scope)
    assert crediting.balance() == {"usd": (100, 100), "eur": (30, 30)}
    assert crediting.balance(type="credit_grant", credit_grant=whole.id) == {"usd": (100, 100)}

    def by(price: str) -> Any:
        scope = {"prices": [{"id": price}]}
        return crediting.balance(type="applicability_scope", applicability_scope=scope)

    assert by(crediting.prices[0]) == {"usd": (107, 107), "eur": (30, 30)}
    assert by(crediting.prices[1]) == {"usd": (100, 100), "eur": (30, 30)}
    with pytest.raises(InvalidRequestError):
        crediting.balance(type="credit_grant")
    with pytest.raises(InvalidRequestError):
        crediting.balance(type="applicability_scope")


def test_a_grant_lives_in_its_customers_time(crediting: Crediting, client: StripeClient) -> None:
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": START})
    crediting.customer = client.v1.customers.create({"test_clock": clock.id}).id
    grant = crediting.grant(100, expires_at=START + DAY)
    assert grant.test_clock == clock.id
    client.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": START + DAY})
    assert crediting.balance() == {"usd": (0, 0)}
    assert client.v1.billing.credit_grants.list().data == []
