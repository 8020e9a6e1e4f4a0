"""A platform whose customers pay at a local Stripe, both on one clock that moves when told."""

from datetime import UTC, datetime, timedelta
from typing import Any

from stripe import HTTPClient
from tests.sandbox.conftest import NearClient
from tests.workflows.stripe_account import Account as StripeAccount

from tallygate.adapters.store import collections, customers, invoices, mirrors, subscriptions
from tallygate.adapters.stripe import StripeBooks, open_client
from tallygate.collection.progress import occasion_of
from tallygate.collection.records import Collected, Purchase
from tallygate.testing import FrozenClock
from tallygate.workflows.accounts import create_organization
from tallygate.workflows.close import close_due
from tallygate.workflows.ingest import Incoming, ingest
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirror.attend import attend, attend_due
from tallygate.workflows.mirror.carry_out import Account
from tallygate.workflows.mirror.purchase import Wish, buy
from tallygate.workflows.mirror.settle import poll, settle_due
from tallygate.workflows.mirror.sync_due import sync_due
from tallygate.workflows.publish import apply
from tallygate_sandbox.testing import RunningSandbox

GRACE = 72 * 3600


class Trade:
    """What an operator's installation and a customer do, and what a worker does meanwhile."""

    def __init__(
        self,
        installation: Installation,
        sandbox: RunningSandbox,
        text: str,
        http_client: HTTPClient | None = None,
    ) -> None:
        self.installation = installation
        assert isinstance(installation.clock, FrozenClock)
        self.clock = installation.clock
        self.sandbox = sandbox
        self.stripe = StripeAccount(installation, sandbox, http_client)
        # Whether answers have the SDK's shapes is shown elsewhere, and takes longer than all else.
        sends = http_client or NearClient()
        client = open_client("sk_test_1", sandbox.url, http_client=sends, retries=0)
        self.books = StripeBooks(client, "Stripe", live=False)
        self.v1: Any = client.v1
        sandbox.control("settings/invoices", {"grace_seconds": GRACE})
        self.publish(text)
        self._sent = 0

    def publish(self, text: str) -> None:
        apply(self.installation, text)
        self.stripe.publish(text)

    def tenant(self, name: str = "acme") -> Account:
        made = create_organization(self.installation, name, external_id=name)
        return Account(made.billing_account, made.id)

    def buy(self, account: Account, plan: str, **terms: Any) -> Purchase:
        wish = Wish(
            plan, success_url="https://shop.test/thanks", cancel_url="https://shop.test/", **terms
        )
        return buy(self.installation, self.books, account.id, wish)

    def complete(self, purchase: Purchase, card: str = "4242424242424242", **more: Any) -> None:
        """What the customer does on the checkout page."""
        body = {"card": card, "email": "a@b.test", **more}
        self.sandbox.control(f"checkout/sessions/{purchase.session}/complete", body)

    def subscribed(self, plan: str, name: str = "acme", **terms: Any) -> Account:
        account = self.tenant(name)
        self.complete(self.buy(account, plan, **terms))
        self.work()
        return account

    def send(
        self, kind: str, subject: str = "acme", at: datetime | None = None, **data: Any
    ) -> None:
        self._sent += 1
        event = Incoming(
            id=f"e{self._sent}",
            source="test",
            type=kind,
            subject=subject,
            time=at or self.clock.now(),
            data=data,
        )
        verdicts = ingest(self.installation, [event])
        assert verdicts.accepted == 1, verdicts

    def work(self, turns: int = 8) -> None:
        """What the worker does, until it has nothing more to do."""
        for _ in range(turns):
            done = poll(self.installation, self.books)
            done += settle_due(self.installation, self.books)
            done += len(close_due(self.installation))
            sync_due(self.installation, self.books)
            done += attend_due(self.installation, self.books)
            if not done:
                return

    def go(self, to: datetime, step: timedelta = timedelta(minutes=30)) -> None:
        """Let time pass on both sides, with the worker at work in each half hour that matters."""
        now, rests = self.clock.now(), True
        while now < to:
            due = None if rests else self.sandbox.control("clock")["next_due"]
            upcoming = to if due is None else datetime.fromtimestamp(due, UTC)
            now = min(to, now + step if rests else max(now, upcoming))
            rests = not rests
            self._set(now)
            self.work()

    def send_calls(self, count: int, subject: str = "acme") -> None:
        for _ in range(count):
            self.send("api.call", subject)

    def use_card(self, account: Account, card: str) -> None:
        """Another card for everything, as the portal does it."""
        with self.installation.store.read() as tx:
            customer = customers.customer_of(tx, account.id)
        method = self.v1.payment_methods.attach(card, {"customer": customer}).id
        settings = {"invoice_settings": {"default_payment_method": method}}
        self.v1.customers.update(customer, settings)
        there = self.mirror(account).provider_id
        self.v1.subscriptions.update(there, {"default_payment_method": method})

    def bills(self, account: Account) -> list[tuple[str, int, str]]:
        """The date, the total and the state of each invoice; what is paid was paid to the cent."""
        for one in self.collected(account):
            assert one.state != "paid" or one.amount_paid == one.total, one
            assert (one.differences, one.shortfall) == ((), 0), one
        return [
            (one.dated.date().isoformat(), one.total, one.state) for one in self.collected(account)
        ]

    def stripe_lines(self) -> list[list[tuple[str, int]]]:
        """What stands on each invoice at Stripe, oldest first, by price key."""
        customer = self.v1.customers.list().data[0].id
        seen = self.books.look(customer, self.clock.now())
        return [
            sorted(
                ((line.key or str(self._ours(line.item)), line.amount) for line in one.lines),
                key=str,
            )
            for one in seen.invoices
        ]

    def there(self, account: Account) -> Any:
        """The subscription as Stripe shows it."""
        with self.installation.store.read() as tx:
            customer = customers.customer_of(tx, account.id)
        assert customer is not None
        seen = self.books.look(customer, self.clock.now())
        return seen.subscription(self.mirror(account).provider_id)

    def _ours(self, mark: str | None) -> str | None:
        """The price key of the line of ours that a mark on Stripe's invoice stands for."""
        if mark is None:
            return None
        occasion, _, number = mark.rpartition("/")
        with self.installation.store.read() as tx:
            every = invoices.page(tx, None)
        made = next(one for one in every if occasion_of(one) == occasion)
        price: str = made.lines[int(number)].price
        return price

    def attend(self, account: Account) -> Any:
        return attend(self.installation, self.books, account)

    def collected(self, account: Account) -> list[Collected]:
        with self.installation.store.read() as tx:
            return list(collections.of_account(tx, account.id))

    def subscription(self, account: Account) -> Any:
        with self.installation.store.read() as tx:
            return subscriptions.of_account(tx, account.id)[-1]

    def mirror(self, account: Account) -> Any:
        with self.installation.store.read() as tx:
            return mirrors.of_account(tx, account.id)[0]

    def _set(self, now: datetime) -> None:
        self.clock.set(now)
        self.sandbox.advance_to(int(now.timestamp()))
