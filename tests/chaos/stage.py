"""A platform and Stripe in one process, put back to the same evening again and again.

Two customers have used their plans for a month; a scene says what happens next. What a worker does
is what `tallygate.workflows.worker` does, turn by turn; where it is killed, another one goes on.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import text
from tests.chaos.books_oracle import differences
from tests.chaos.near_stripe import Calm, NearStripe, no_trouble
from tests.conftest import raw_connection
from tests.workflows.trade import Trade
from tests.workflows.trading import SHOP

from tallygate.adapters.store import Store
from tallygate.adapters.stripe import StripeBooks, open_client
from tallygate.collection.records import Purchase
from tallygate.core.errors import Conflict, Unreachable
from tallygate.core.ids import IdSource
from tallygate.core.period import from_micros, instant_text
from tallygate.testing import FrozenClock, repeatable_bits
from tallygate.workflows.accounts import create_project
from tallygate.workflows.change import cancel, change_plan, resume
from tallygate.workflows.ingest import Incoming, ingest
from tallygate.workflows.installation import Installation, Settings
from tallygate.workflows.mirror.carry_out import Account
from tallygate.workflows.mirror.reconcile import reconcile
from tallygate.workflows.operate import create_resource, delete_resource
from tallygate.workflows.worker import mirror_turn, poll_turn, turn

START = datetime(2026, 1, 1, tzinfo=UTC)
EVENING = datetime(2026, 1, 31, 23, 40, tzinfo=UTC)
FEBRUARY = datetime(2026, 2, 10, 12, tzinfo=UTC)


class Killed(BaseException):
    """The process ends here."""


class Saved(NamedTuple):
    """Both sides at an instant."""

    at: datetime
    store: sqlite3.Connection
    stripe: bytes
    sent: int


class Stage(Trade):
    """A trade whose worker may be killed, and whose past may be put back."""

    def __init__(self, store: Store, text: str = SHOP) -> None:
        clock = FrozenClock(START)
        bits = repeatable_bits()
        here = Installation(
            store, clock, IdSource(clock, bits), Settings(), repeatable_bits("keys")
        )
        self.near = NearStripe(int(START.timestamp()))
        super().__init__(here, self.near, text, http_client=self.near)  # type: ignore[arg-type]  # nearly a running sandbox
        calm = open_client("sk_test_1", self.near.url, http_client=Calm(self.near), retries=0)
        self.v1 = calm.v1

    def save(self) -> Saved:
        """Keep how both sides are."""
        image = sqlite3.connect(":memory:", check_same_thread=False)
        raw_connection(self.installation.store).backup(image)
        return Saved(self.clock.now(), image, self.near.saved(), self._sent)

    def put_back(self, saved: Saved) -> None:
        """Be as it was."""
        self.near.put_back(saved.stripe)
        self.restore(saved)
        self.clock.set(saved.at)

    def restore(self, saved: Saved) -> None:
        """Put our database back, and it alone."""
        saved.store.backup(raw_connection(self.installation.store))
        self.begin_anew()

    def begin_anew(self) -> None:
        """Another process takes over: nothing is left of the last one's memory."""
        self.books = StripeBooks(self.stripe.client, "Stripe", live=False)

    def work(self, turns: int = 8) -> None:
        """What a worker does, until it has nothing more to do; another one, where it is killed."""
        for _ in range(turns):
            try:
                poll_turn(self.installation, self.books)
                done = turn(self.installation)
                done += mirror_turn(self.installation, self.books)
            except Killed:
                self.begin_anew()
                continue
            if not done:
                return

    def agree(self, hours: int = 4) -> None:
        """Let what was open come to an end: all goes well from here on."""
        self.near.trouble = no_trouble
        for _ in range(hours):
            self.go(self.clock.now() + timedelta(hours=1))

    def differ(self) -> list[str]:
        """What the oracle and `reconcile` find."""
        return differ(self, self.v1)

    def insist(self, act: Callable[[], Any]) -> Any:
        """What somebody does who tries again a minute later, until it is done."""
        killed = False
        for _ in range(30):
            try:
                return act()
            except Killed:
                killed = True
                self.begin_anew()
            except Unreachable:
                pass
            except Conflict:
                if not killed:
                    raise
                return None  # it was done when the process ended
            self.go(self.clock.now() + timedelta(minutes=1))
        raise AssertionError("it was in vain")

    def send(
        self, kind: str, subject: str = "acme", at: datetime | None = None, **data: Any
    ) -> None:
        """An event, sent again under its id until it is acknowledged."""
        self._sent += 1
        when = at or self.clock.now()
        event = Incoming(f"e{self._sent}", "test", kind, subject, when, data)
        for _ in range(5):
            with suppress(Killed):
                verdicts = ingest(self.installation, [event])
                assert verdicts.accepted + verdicts.duplicates == 1, verdicts
                return

    def pay_first(self, purchase: Purchase) -> None:
        """What a browser does with the secret of a direct purchase."""
        found = self.v1.subscriptions.retrieve(purchase.provider_id)
        method = self.v1.payment_methods.attach("pm_card_visa", {"customer": found.customer})
        self.v1.invoices.pay(found.latest_invoice, {"payment_method": method.id})

    def every_bill(self) -> list[tuple[str, str, int, str]]:
        """All invoices that are collected."""
        return every_bill(self.installation.store)


def differ(trade: Trade, v1: Any) -> list[str]:
    """What the oracle, who asks Stripe by `v1`, and `reconcile` find."""
    found = differences(trade.installation.store, v1)
    for one in reconcile(trade.installation, trade.books):
        findings = one.findings
        found += [f"reconcile: {said}" for said in findings.taken_over]
        found += [f"reconcile: {said}" for said in (*findings.to_do, *findings.to_decide)]
        found += [f"reconcile: {said}" for said in findings.usage]
    return found


def every_bill(store: Store) -> list[tuple[str, str, int, str]]:
    """All invoices that are collected: whose, of which day, how much, and how far."""
    with store.read() as tx:
        rows = tx.execute(text(_BILLS)).all()
    return sorted(
        (row.name, instant_text(from_micros(row.dated))[:10], row.total, row.state) for row in rows
    )


_BILLS = """
    SELECT o.external_id AS name, c.dated, c.total, c.state
    FROM collections c JOIN organizations o ON o.id = c.organization
"""


class Past(NamedTuple):
    """A stage, and the evenings that it can be put back to."""

    stage: Stage
    accounts: dict[str, Account]
    kept: tuple[Saved, ...] = ()

    def prepare(self, scene: str) -> None:
        """Put the stage back to where a scene begins."""
        self.stage.put_back(self.kept[scene == "busy_day"])


class Quiet(NamedTuple):
    """What comes of a scene where nothing goes wrong, and how often each place is come to."""

    bills: list[tuple[str, str, int, str]]
    hits: Counter[str]


def play_an_evening(store: Store) -> Past:
    """Four customers: two have used their plans, one has machines, one a plan that is small."""
    stage = Stage(store)
    accounts = {
        "acme": stage.subscribed("pro", "acme", coupons=["EARLY"]),
        "globex": stage.subscribed("machines", "globex"),
        "initech": stage.subscribed("basic", "initech"),
        "umbrella": stage.subscribed("pro", "umbrella"),
    }
    web = create_project(stage.installation, accounts["globex"].organization, "web", tenant=None)
    for name in ("one", "two"):
        create_resource(stage.installation, web.id, "vm.small", tenant=None, external_id=name)
    stage.send_calls(150)
    stage.send_calls(40, "initech")
    stage.send("gb.report", gb=Decimal(7))
    stage.go(EVENING)
    return Past(stage, accounts)


def play_a_month(store: Store) -> Past:
    """Four customers and their first month; kept at its end, and ten days later."""
    past = play_an_evening(store)
    stage = past.stage
    evening = stage.save()
    stage.agree(4)
    stage.go(FEBRUARY - timedelta(hours=2))
    stage.agree(2)
    assert stage.differ() == []
    return past._replace(kept=(evening, stage.save()))


def month_end(past: Past) -> None:
    """All four renew, and on one of the drafts is an item with a mark of ours that is not ours."""
    stage = past.stage
    stage.go(EVENING + timedelta(minutes=25))
    draft = next(one for one in stage.v1.invoices.list({"limit": 100}) if one.status == "draft")
    stray = {"metadata": {"tallygate_item": "stray"}, "amount": 700, "currency": "usd"}
    stage.v1.invoice_items.create({"customer": draft.customer, "invoice": draft.id, **stray})
    stage.go(EVENING + timedelta(hours=4))


def busy_day(past: Past) -> None:
    """Everybody wants something else: all that can be intended is, once at least."""
    stage, here, at = past.stage, past.stage.installation, past.stage.clock.now
    subscriptions = {name: stage.subscription(one).id for name, one in past.accounts.items()}
    stage.send_calls(130)
    stage.send_calls(70, "initech")
    stage.send_calls(110, "umbrella")
    new = [stage.tenant(name) for name in ("dana", "erin")]
    checkout = stage.insist(lambda: stage.buy(new[0], "basic"))
    stage.complete(checkout)
    direct = stage.insist(lambda: stage.buy(new[1], "basic", way="direct"))
    stage.pay_first(direct)
    stage.insist(lambda: change_plan(here, subscriptions["initech"], "pro"))
    stage.insist(lambda: change_plan(here, subscriptions["umbrella"], "basic"))
    stage.go(at() + timedelta(hours=1))
    stage.insist(lambda: cancel(here, subscriptions["acme"], now=True))
    stage.insist(lambda: cancel(here, subscriptions["umbrella"]))
    for name in ("one", "two"):
        delete_resource(here, name, tenant=None)
    stage.go(at() + timedelta(hours=1))
    stage.insist(lambda: cancel(here, subscriptions["globex"], now=True))
    stage.insist(lambda: resume(here, subscriptions["umbrella"]))
    for minutes in (90, 80):
        stage.send("api.call", "acme", at() - timedelta(minutes=minutes))
    stage.go(at() + timedelta(hours=1))


SCENES: dict[str, Callable[[Past], None]] = {"month_end": month_end, "busy_day": busy_day}
