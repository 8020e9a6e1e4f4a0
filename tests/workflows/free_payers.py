"""Payers on a plan that costs nothing, whose resources are what they are billed for."""

from datetime import UTC, datetime

from tests.workflows.trading import SHOP

from tallygate.adapters.store import invoices, subscriptions
from tallygate.subscriptions.model import Subscription
from tallygate.workflows.accounts import create_organization, create_project
from tallygate.workflows.installation import Installation

WITH_FREE_TYPE = SHOP.replace("resources:\n", "resources:\n  vm.free: {}\n")


def day(month: int, number: int, hour: int = 0) -> datetime:
    return datetime(2026, month, number, hour, tzinfo=UTC)


def project(here: Installation) -> tuple[str, str]:
    made = create_organization(here, "Acme", external_id="acme")
    return made.billing_account, create_project(here, made.id, "web", tenant=None).id


def theirs(here: Installation, account: str) -> tuple[Subscription, ...]:
    with here.store.read() as tx:
        return subscriptions.of_account(tx, account)


def bills(here: Installation, account: str) -> list[tuple[str, int]]:
    with here.store.read() as tx:
        found = invoices.page(tx, None, billing_account=account)
    return [(str(one.dated.date()), one.total) for one in found]
