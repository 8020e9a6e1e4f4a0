"""Customers: what they say of themselves, their tax ids, their balance, and their end."""

import pytest
import stripe
from stripe import StripeClient

from tallygate_sandbox.testing import RunningSandbox


def refused(call: object, *args: object) -> stripe.InvalidRequestError:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        call(*args)  # type: ignore[operator]  # a method of the SDK
    return caught.value


def types(sandbox: RunningSandbox) -> list[str]:
    return [event["type"] for event in sandbox.world.objects.newest_first("event")][::-1]


def test_as_a_recorded_client_creates_one(client: StripeClient) -> None:
    made = client.v1.customers.create(
        {
            "email": "stripe@example.org",
            "name": "Stripe User",
            "expand": ["tax", "invoice_credit_balance", "sources"],
        }
    )
    assert (made.balance, made.currency, made.delinquent, made.discount) == (0, None, False, None)
    assert made.tax
    assert made.tax.automatic_tax == "unrecognized_location"
    assert made.invoice_credit_balance is not None
    assert made.invoice_credit_balance.to_dict() == {}
    assert made.invoice_prefix
    assert (len(made.invoice_prefix), made.next_invoice_sequence) == (8, 1)
    assert made.sources is not None
    assert made.sources.data == []


def test_a_customer_brings_a_card(client: StripeClient, sandbox: RunningSandbox) -> None:
    made = client.v1.customers.create(
        {
            "payment_method": "pm_card_visa",
            "invoice_settings": {"default_payment_method": "pm_card_visa"},
        }
    )
    (method,) = client.v1.payment_methods.list({"customer": made.id}).data
    assert made.invoice_settings
    assert made.invoice_settings.default_payment_method == method.id
    assert types(sandbox) == ["payment_method.attached", "customer.created"]


def test_fields_change_merge_and_clear(client: StripeClient, sandbox: RunningSandbox) -> None:
    made = client.v1.customers.create(
        {"address": {"city": "Bonn", "country": "DE"}, "preferred_locales": ["de"], "phone": "1"}
    )
    changed = client.v1.customers.update(
        made.id, {"address": {"line1": "Weg 1"}, "preferred_locales": [], "phone": ""}
    )
    assert changed.address
    assert (changed.address.city, changed.address.line1) == ("Bonn", "Weg 1")
    assert (changed.phone, changed.preferred_locales) == (None, ["de"])
    cleared = client.v1.customers.update(made.id, {"address": "", "expand": ["tax"]})
    assert cleared.address is None
    assert types(sandbox) == ["customer.created", "customer.updated", "customer.updated"]
    client.v1.customers.update(made.id, {"address": ""})
    assert types(sandbox)[-2:] == ["customer.updated", "customer.updated"]
    assert len(types(sandbox)) == 3  # what changes nothing is no event


@pytest.mark.parametrize(
    ("sent", "code", "param"),
    [
        ({"email": "nobody"}, "email_invalid", "email"),
        ({"invoice_prefix": "ab"}, None, "invoice_prefix"),
        ({"tax": {"validate_location": "immediately"}}, "customer_tax_location_invalid", None),
        ({"test_clock": "clock_none"}, "resource_missing", "test_clock"),
        ({"tax_id_data": [{"type": "eu_vat", "value": "1"}]}, "tax_id_invalid", "value"),
        ({"payment_method": "pm_none"}, "resource_missing", "payment_method"),
    ],
)
def test_what_is_refused(
    client: StripeClient,
    sandbox: RunningSandbox,
    sent: dict[str, object],
    code: str | None,
    param: str | None,
) -> None:
    error = refused(client.v1.customers.create, sent)
    assert (error.http_status, error.code, error.param) == (400, code, param)
    assert sandbox.world.objects.count("customer") == 0


def test_a_deleted_customer(client: StripeClient, sandbox: RunningSandbox) -> None:
    made = client.v1.customers.create({"email": "a@example.org", "payment_method": "pm_card_visa"})
    (method,) = client.v1.payment_methods.list({"customer": made.id}).data
    deleted = client.v1.customers.delete(made.id)
    assert deleted.to_dict() == {"id": made.id, "object": "customer", "deleted": True}
    assert client.v1.customers.retrieve(made.id).to_dict() == deleted.to_dict()
    assert client.v1.payment_methods.retrieve(method.id).customer is None
    assert client.v1.customers.list({"email": "a@example.org"}).data == []
    assert client.v1.customers.search({"query": "email:'a@example.org'"}).data == []
    assert refused(client.v1.customers.update, made.id, {"name": "x"}).http_status == 404
    assert refused(client.v1.customers.delete, made.id).code == "resource_missing"
    assert (
        refused(
            client.v1.payment_intents.create,
            {"amount": 99, "currency": "eur", "customer": made.id},
        ).code
        == "resource_missing"
    )
    assert sorted(types(sandbox)[2:]) == ["customer.deleted", "payment_method.detached"]


def test_search(client: StripeClient) -> None:
    for name in ("Ada", "Adam", "Bob"):
        client.v1.customers.create(
            {"name": name, "email": f"{name.lower()}@example.org", "metadata": {"k": name}}
        )

    def found(query: str) -> list[str | None]:
        return [c.name for c in client.v1.customers.search({"query": query}).data]

    assert found("email:'ADA@example.org'") == ["Ada"]
    assert found("name~'ada'") == ["Adam", "Ada"]
    assert found("name~'ada' AND metadata['k']:'Adam'") == ["Adam"]
    assert found("-name~'ada'") == ["Bob"]
    assert found('email:"bob@example.org" OR name:"Ada"') == ["Bob", "Ada"]
    assert refused(client.v1.customers.search, {"query": "name~'ad'"}).param == "query"
    assert refused(client.v1.customers.search, {"query": "balance>0"}).param == "query"


def test_the_balance_says_why_it_moved(client: StripeClient, sandbox: RunningSandbox) -> None:
    made = client.v1.customers.create({"balance": -500})
    moves = client.v1.customers.balance_transactions
    added = moves.create(made.id, {"amount": 200, "currency": "eur", "description": "fee"})
    assert (added.ending_balance, added.type, added.description) == (-300, "adjustment", "fee")
    owner = client.v1.customers.retrieve(made.id, {"expand": ["invoice_credit_balance"]})
    assert (owner.balance, owner.currency) == (-300, "eur")
    assert owner.invoice_credit_balance
    assert owner.invoice_credit_balance.to_dict() == {"eur": -300}
    client.v1.customers.update(made.id, {"balance": 0})
    listed = moves.list(made.id).data
    assert [(t.amount, t.ending_balance, t.type) for t in listed] == [
        (300, 0, "adjustment"),
        (200, -300, "adjustment"),
        (-500, -500, "initial"),
    ]
    changed = moves.update(made.id, added.id, {"metadata": {"a": "b"}})
    assert moves.retrieve(made.id, added.id).metadata == changed.metadata
    assert refused(moves.create, made.id, {"amount": 1, "currency": "usd"}).param == "currency"
    assert types(sandbox) == ["customer.created", "customer.updated", "customer.updated"]


def test_tax_ids(client: StripeClient, sandbox: RunningSandbox) -> None:
    made = client.v1.customers.create(
        {"tax_id_data": [{"type": "eu_vat", "value": "DE000000000"}], "expand": ["tax_ids"]}
    )
    assert made.tax_ids
    (first,) = made.tax_ids.data
    assert (first.country, first.customer) == ("DE", made.id)
    assert first.verification
    assert first.verification.status == "pending"
    sandbox.advance_to(1_767_225_600 + 3600)
    checked = client.v1.tax_ids.retrieve(first.id)
    assert checked.verification
    assert checked.verification.status == "verified"
    second = client.v1.customers.tax_ids.create(made.id, {"type": "us_ein", "value": "12-3456789"})
    assert second.country == "US"
    own = client.v1.tax_ids.create({"type": "ch_vat", "value": "CHE-123.456.789 MWST"})
    assert own.customer is None
    assert [t.id for t in client.v1.tax_ids.list().data] == [own.id]
    of_customer = client.v1.tax_ids.list({"owner": {"type": "customer", "customer": made.id}})
    assert len(of_customer.data) == 2
    assert client.v1.customers.tax_ids.delete(made.id, second.id).deleted
    assert [t.id for t in client.v1.customers.tax_ids.list(made.id).data] == [first.id]
    assert types(sandbox) == [
        "customer.created",
        "customer.tax_id.created",
        "customer.tax_id.updated",
        "customer.tax_id.created",
        "customer.tax_id.deleted",
    ]


def test_lists_leave_out_what_lives_on_a_test_clock(client: StripeClient) -> None:
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": 1_800_000_000}).id
    plain = client.v1.customers.create({"email": "a@example.org"}).id
    timed = client.v1.customers.create({"email": "a@example.org", "test_clock": clock})
    other = client.v1.customers.create({"email": "b@example.org"}).id
    assert timed.created == 1_800_000_000

    def listed(**params: str) -> list[str]:
        found = client.v1.customers.list(params)  # type: ignore[arg-type]  # made of parts
        return [customer.id for customer in found.data]

    assert listed() == [other, plain]
    assert listed(email="a@example.org") == [plain]
    assert listed(test_clock=clock) == [timed.id]
    assert listed(test_clock=clock, email="b@example.org") == []
