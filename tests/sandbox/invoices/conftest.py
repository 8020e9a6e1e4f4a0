"""A shop that writes invoices, in the words of the tests."""

from dataclasses import dataclass
from typing import Any

import pytest
from stripe import Customer, Invoice, InvoiceItem, StripeClient

from tallygate_sandbox.testing import RunningSandbox

START = 1_767_225_600  # 2026-01-01T00:00:00Z
HOUR, DAY = 3600, 86_400


@dataclass
class Shop:
    """The SDK and its sandbox."""

    client: StripeClient
    sandbox: RunningSandbox

    def customer(self, card: str | None = "pm_card_visa", **more: Any) -> Customer:
        method: Any = {}
        if card:
            method = {"payment_method": card, "invoice_settings": {"default_payment_method": card}}
        params: Any = {"email": "a@example.org", **method, **more}
        return self.client.v1.customers.create(params)

    def item(self, customer: str, amount: int, **more: Any) -> InvoiceItem:
        return self.item_of(customer, amount=amount, **more)

    def item_of(self, customer: str, **costs: Any) -> InvoiceItem:
        params: Any = {"customer": customer, "currency": "usd", **costs}
        return self.client.v1.invoice_items.create(params)

    def draft(self, customer: str, *amounts: int, **more: Any) -> Invoice:
        """A draft with an item of each amount."""
        for amount in amounts:
            self.item(customer, amount)
        params: Any = {"customer": customer, "pending_invoice_items_behavior": "include", **more}
        return self.client.v1.invoices.create(params)

    def open(self, customer: str, *amounts: int, **more: Any) -> Invoice:
        return self.client.v1.invoices.finalize_invoice(self.draft(customer, *amounts, **more).id)

    def paid(self, customer: str, *amounts: int, **more: Any) -> Invoice:
        return self.client.v1.invoices.pay(self.draft(customer, *amounts, **more).id)

    def invoice(self, ident: str) -> Invoice:
        return self.client.v1.invoices.retrieve(ident)

    def events(self) -> list[str]:
        """The types of all events so far, oldest first."""
        found = self.client.v1.events.list({"limit": 100})
        return [str(event.type) for event in found.auto_paging_iter()][::-1]

    def after(self, seconds: int) -> None:
        """Let time pass since the start."""
        self.sandbox.advance_to(START + seconds)


@pytest.fixture
def shop(client: StripeClient, sandbox: RunningSandbox) -> Shop:
    return Shop(client, sandbox)
