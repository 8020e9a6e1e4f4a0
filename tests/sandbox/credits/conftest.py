"""A customer, two metered prices, and words for the usual calls."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from stripe import StripeClient
from stripe.billing import CreditGrant

from tallygate_sandbox import credits as credit
from tallygate_sandbox.testing import RunningSandbox
from tallygate_sandbox.world.events import data_of


@dataclass
class Crediting:
    """One customer and two metered prices; invoices are made up, to be paid with credit."""

    client: StripeClient
    sandbox: RunningSandbox
    customer: str
    prices: list[str] = field(default_factory=list)

    def grant(self, value: int = 1000, currency: str = "usd", **more: Any) -> CreditGrant:
        params: Any = {
            "customer": self.customer,
            "amount": {"type": "monetary", "monetary": {"currency": currency, "value": value}},
            "applicability_config": {"scope": {"price_type": "metered"}},
        }
        return self.client.v1.billing.credit_grants.create(params | more)

    def invoice(self, ident: str, *amounts: int, currency: str = "usd") -> dict[str, Any]:
        """Finalize an invoice with a metered line for each price; gives it as it is then."""
        lines: list[dict[str, Any]] = [
            {"id": f"il_{ident}_{n}", "pricing": {"price_details": {"price": self.prices[n]}}}
            for n in range(len(amounts))
        ]
        invoice = {"id": ident, "object": "invoice", "customer": self.customer}
        invoice["currency"] = currency
        costs = {line["id"]: amount for line, amount in zip(lines, amounts, strict=True)}
        with self.sandbox.world.transaction():
            paid = credit.apply(self.sandbox.world, invoice, lines, costs)
        return invoice | {"paid": paid, "lines": lines}

    def void(self, ident: str) -> None:
        with self.sandbox.world.transaction():
            credit.restore(self.sandbox.world, ident)

    def balance(self, **asked: Any) -> dict[str, tuple[int, int]]:
        """What is available and what the ledger holds, by currency."""
        params: Any = {
            "customer": self.customer,
            "filter": asked
            or {"type": "applicability_scope", "applicability_scope": {"price_type": "metered"}},
        }
        shown: Any = self.client.v1.billing.credit_balance_summary.retrieve(params)
        return {
            one.available_balance.monetary.currency: (
                one.available_balance.monetary.value,
                one.ledger_balance.monetary.value,
            )
            for one in shown.balances
        }

    def ledger(self, **more: Any) -> list[tuple[str, int]]:
        """Kind and amount of each transaction, oldest first; debits are negative."""
        params: Any = {"customer": self.customer, "limit": 100} | more
        listed = self.client.v1.billing.credit_balance_transactions.list(params)
        found = []
        for one in reversed(listed.data):
            side: Any = one.credit or one.debit
            value = side.amount.monetary.value
            found.append((side.type, value if one.credit else -value))
        return found

    def events(self, kind: str) -> list[dict[str, Any]]:
        """The objects of the events of this type, oldest first."""
        events = list(self.sandbox.world.objects.newest_first("event"))
        return [data_of(e)["object"] for e in reversed(events) if e["type"] == kind]


@pytest.fixture
def crediting(sandbox: RunningSandbox, client: StripeClient) -> Crediting:
    meter = client.v1.billing.meters.create(
        {
            "display_name": "Messages",
            "event_name": "messages",
            "default_aggregation": {"formula": "sum"},
        }
    ).id
    product = client.v1.products.create({"name": "Magic box"}).id
    prices = [
        client.v1.prices.create(
            {
                "product": product,
                "currency": "usd",
                "unit_amount": 1,
                "recurring": {"interval": "month", "usage_type": "metered", "meter": meter},
            }
        ).id
        for _ in range(2)
    ]
    return Crediting(client, sandbox, client.v1.customers.create({}).id, prices)
