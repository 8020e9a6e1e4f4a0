"""A life is lived at a local Stripe, and then both sides are asked what they remember of it.

They must agree to the cent, and nothing may be left that waits for somebody.
"""

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import stripe
from tests.simulation.catalogs import PLANS, TYPES
from tests.simulation.lives import COUPONS, START, Act, Life
from tests.workflows.trade import Trade

from tallygate.adapters.store import (
    customers,
    invoices,
    members,
    mirrors,
    outbox,
    resources,
    subscriptions,
)
from tallygate.collection.records import SETTLED
from tallygate.core.errors import TallygateError
from tallygate.rating.discounts import taken_off
from tallygate.testing import FrozenClock, memory_installation
from tallygate.workflows.accounts import create_project
from tallygate.workflows.change import cancel, change_plan, resume
from tallygate.workflows.contracts import latest
from tallygate.workflows.members import add_member, remove_member
from tallygate.workflows.mirror.carry_out import Account
from tallygate.workflows.mirror.reconcile import reconcile
from tallygate.workflows.operate import create_resource, delete_resource
from tallygate.workflows.subscribe import subscribe
from tallygate_sandbox.testing import running_sandbox

NAMES = ("acme", "bob")
BAD_CARD = "pm_card_chargeCustomerFail"
GOOD_CARD = "pm_card_visa"
LATEST_ARRIVAL = timedelta(days=40)
GROSS = frozenset(("subscription_create", "subscription_cycle"))
"""Why Stripe makes the invoices on which our lines stand gross; on all others they are net."""
EVENTS = {
    "calls": ("api.call", None),
    "gb": ("gb.report", "gb"),
    "hours": ("hours.used", "hours"),
    "load": ("load.state", "load"),
}


def live(life: Life) -> list[str]:
    """Live a life to its end; gives in what both sides differ then, a sentence each."""
    clock = FrozenClock(START)
    with (
        memory_installation(clock, seed=str(life.seed)) as installation,
        running_sandbox(frozen=int(START.timestamp()), seed=life.seed) as sandbox,
    ):
        return _World(Trade(installation, sandbox, life.catalog), life).live()


class _Mistakes(logging.Handler):
    """Keeps what was logged of mistakes of ours, which a worker survives and a test does not."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        why = record.exc_info[1] if record.exc_info else None
        self.told.append(f"{record.getMessage()} {why!r}")


class _Nothing(Exception):
    """There is nothing that an act could be done with."""


class _World:
    """Customers, what they have, and what they do."""

    def __init__(self, trade: Trade, life: Life) -> None:
        self.trade = trade
        self.life = life
        self.mistakes = _Mistakes()
        whoever = sorted({act.who for act in life.acts})
        self.customers = {who: trade.tenant(NAMES[who]) for who in whoever}
        with trade.installation.store.read() as tx:
            self.catalog = latest(tx)[1]

    def live(self) -> list[str]:
        log = logging.getLogger("tallygate")
        log.addHandler(self.mistakes)
        try:
            for act in self.life.acts:
                self._pass(act.at)
                self._do(act)
                if act.rest:
                    self.trade.work()
            self._pass(self.life.until)
            self._settle_up()
            return [*self.mistakes.told, *self._differences()]
        finally:
            log.removeHandler(self.mistakes)

    def _pass(self, to: datetime) -> None:
        if to > self.trade.clock.now():
            self.trade.go(to)

    def _do(self, act: Act) -> None:
        """Do what can be done; what is refused with a sentence has changed nothing."""
        with suppress(TallygateError, stripe.StripeError, _Nothing):
            getattr(self, f"_{act.what}")(self.customers[act.who], act.draw)

    # What customers do -------------------------------------------------------------------------

    def _buy(self, account: Account, draw: int) -> None:
        plan = PLANS[draw % 3]
        terms: dict[str, Any] = {
            "interval": "year" if draw // 3 % 5 == 0 else "month",
            "coupons": COUPONS[draw // 15 % len(COUPONS)],
            "currency": self.catalog.currencies[0],
        }
        if draw // 200 % 3 == 0:
            purchase = self.trade.buy(account, plan, way="direct", **terms)
            self._use_card(account, GOOD_CARD, str(purchase.provider_id))
            self._pay(account, draw)
        else:
            purchase = self.trade.buy(account, plan, **terms)
            if draw // 1000 % 10:
                self.trade.complete(purchase)
        self.trade.work()

    def _use(self, account: Account, draw: int) -> None:
        self._report(account, draw, self.trade.clock.now())

    def _late(self, account: Account, draw: int) -> None:
        ago = timedelta(seconds=draw % int(LATEST_ARRIVAL.total_seconds()))
        self._report(account, draw, max(START, self.trade.clock.now() - ago))

    def _report(self, account: Account, draw: int, at: datetime) -> None:
        meter = sorted(self.catalog.meters)[draw % len(self.catalog.meters)]
        kind, field = EVENTS[meter]
        name = NAMES[next(who for who, one in self.customers.items() if one == account)]
        if field is None:
            for _ in range(draw // 7 % 40):
                self.trade.send(kind, name, at=at)
        else:
            amount = Decimal(draw // 7 % 400) / (1 if draw % 2 else 10)
            self.trade.send(kind, name, at=at, **{field: amount})

    def _change(self, account: Account, draw: int) -> None:
        plan = (*PLANS, *PLANS, "free")[draw % 7]
        interval: Any = (None, None, "month", "year")[draw // 7 % 4]
        when: Any = ("default", "default", "now", "period_end")[draw // 28 % 4]
        change_plan(self.trade.installation, self._living(account), plan, interval, when=when)

    def _cancel(self, account: Account, _draw: int) -> None:
        cancel(self.trade.installation, self._living(account))

    def _cancel_now(self, account: Account, draw: int) -> None:
        refund = draw % 2 == 0
        cancel(self.trade.installation, self._living(account), now=True, refund=refund)

    def _resume(self, account: Account, _draw: int) -> None:
        resume(self.trade.installation, self._living(account))

    def _portal_end(self, account: Account, _draw: int) -> None:
        self.trade.v1.subscriptions.update(self._there(account), {"cancel_at": "max_period_end"})

    def _portal_resume(self, account: Account, _draw: int) -> None:
        self.trade.v1.subscriptions.update(self._there(account), {"cancel_at": ""})

    def _end_there(self, account: Account, _draw: int) -> None:
        self.trade.v1.subscriptions.cancel(self._there(account))

    def _create(self, account: Account, draw: int) -> None:
        installation = self.trade.installation
        project = create_project(installation, account.organization, "web", tenant=None)
        create_resource(installation, project.id, f"vm.{TYPES[draw % 2]}", tenant=None)

    def _delete(self, account: Account, draw: int) -> None:
        with self.trade.installation.store.read() as tx:
            found = [one.id for one in _resources(tx, account.organization)]
        if found:
            delete_resource(self.trade.installation, found[draw % len(found)], tenant=None)

    def _join(self, account: Account, draw: int) -> None:
        add_member(self.trade.installation, account.organization, f"p{draw}", tenant=None)

    def _leave(self, account: Account, draw: int) -> None:
        with self.trade.installation.store.read() as tx:
            found = [one.id for one in members.list_members(tx, account.organization)]
        if found:
            remove_member(self.trade.installation, found[draw % len(found)], tenant=None)

    def _bad_card(self, account: Account, _draw: int) -> None:
        self._use_card(account, BAD_CARD, self._there(account))

    def _good_card(self, account: Account, _draw: int) -> None:
        self._use_card(account, GOOD_CARD, self._there(account))

    def _pay(self, account: Account, _draw: int) -> None:
        """Pay all that is open, with a card that is good."""
        customer = self._customer(account)
        for one in self._invoices(account):
            if one.status in {"open", "uncollectible"}:
                method = self.trade.v1.payment_methods.attach(GOOD_CARD, {"customer": customer})
                self.trade.v1.invoices.pay(one.id, {"payment_method": method.id})

    def _free(self, account: Account, _draw: int) -> None:
        subscribe(self.trade.installation, account.id, "free", currency=self.catalog.currencies[0])

    # What both sides remember ------------------------------------------------------------------

    def _settle_up(self) -> None:
        """Everybody pays, and a day passes in which what is left is collected."""
        for account in self.customers.values():
            with suppress(stripe.StripeError, _Nothing):
                self._use_card(account, GOOD_CARD, None)
                self._good_card(account, 0)
            with suppress(TallygateError, StopIteration):
                self._pay(account, 0)
        self.trade.work()
        for hours in (24, 3):
            self.trade.go(self.trade.clock.now() + timedelta(hours=hours))

    def _differences(self) -> Iterator[str]:
        for one in reconcile(self.trade.installation, self.trade.books):
            findings = one.findings
            yield from (*findings.taken_over, *findings.to_do, *findings.to_decide)
            yield from (f"usage: {usage}" for usage in findings.usage)
        for account in self.customers.values():
            if self._customer(account) is not None:
                yield from self._left(account)
                yield from self._quantities(account)
                yield from self._sums(account)

    def _left(self, account: Account) -> Iterator[str]:
        """What waits for somebody."""
        for one in self.trade.collected(account):
            if one.state not in SETTLED:
                yield f"{one.invoice} of {one.dated} is {one.state}: {one.differences}"
            elif one.shortfall or one.differences:
                yield f"{one.invoice} of {one.dated} lacked {one.shortfall}: {one.differences}"
        with self.trade.installation.store.read() as tx:
            for written in outbox.unfinished(tx, account.id):
                yield f"unfinished ({written.state}): {written.sentence} {written.problem}"

    def _quantities(self, account: Account) -> Iterator[str]:
        """How many there are of each type, here and on the subscription there."""
        with self.trade.installation.store.read() as tx:
            every = _resources(tx, account.organization)
        counts = Counter(one.type.removeprefix("vm.") for one in every)
        try:
            there = self.trade.v1.subscriptions.retrieve(self._there(account))
        except _Nothing:
            return
        for item in there.items.data if there.status != "canceled" else ():
            key = item.price.lookup_key
            if key in TYPES and item.quantity != counts[key]:
                yield f"{item.quantity} of {key} are there, {counts[key]} here"

    def _sums(self, account: Account) -> Iterator[str]:
        """The sum of all invoices, and what each coupon took off, here and there."""
        noted = {one.invoice: one.provider_invoices for one in self.trade.collected(account)}
        with self.trade.installation.store.read() as tx:
            of = [one.id for one in subscriptions.of_account(tx, account.id)]
            ours = [one for id_ in of for one in invoices.of_subscription(tx, id_)]
        here, there = sum(one.total for one in ours), 0
        off_here: Counter[str] = Counter()
        off_there: Counter[str] = Counter()
        gross: set[str] = set()
        for theirs in self._invoices(account):
            if theirs.status in {"draft", "void"}:
                if theirs.status == "draft":
                    yield f"a draft is left: {theirs.id} {theirs.billing_reason} {theirs.total}"
                continue
            there += theirs.total
            if theirs.billing_reason in GROSS and not _takes_off(theirs):
                gross.add(theirs.id)
                for one in theirs.total_discount_amounts or ():
                    off_there[one.discount.source.coupon] += one.amount
        for one in ours:
            if gross & set(noted.get(one.id, ())):
                off_here.update(taken_off(one.lines))
        customer = self._customer(account)
        notes = self.trade.v1.credit_notes.list({"customer": customer, "limit": 100})
        there -= sum(one.total for one in notes.data if one.status != "void")
        if here != there:
            yield f"the sum of {account.id} is {here} here, {there} there"
        if +off_here != +off_there:
            yield f"coupons of {account.id} take off {+off_here} here, {+off_there} there"

    # Who is who --------------------------------------------------------------------------------

    def _customer(self, account: Account) -> str | None:
        with self.trade.installation.store.read() as tx:
            return customers.customer_of(tx, account.id)

    def _invoices(self, account: Account) -> list[Any]:
        customer = self._customer(account)
        if customer is None:
            return []
        asked = {
            "customer": customer,
            "limit": 100,
            "expand": ["data.total_discount_amounts.discount"],
        }
        return list(self.trade.v1.invoices.list(asked).data)

    def _living(self, account: Account) -> str:
        with self.trade.installation.store.read() as tx:
            found = subscriptions.of_account(tx, account.id)
        if not found:
            raise _Nothing
        return found[-1].id

    def _there(self, account: Account) -> str:
        with self.trade.installation.store.read() as tx:
            found = mirrors.of_account(tx, account.id)
        if not found:
            raise _Nothing
        return found[-1].provider_id

    def _use_card(self, account: Account, card: str, subscription: str | None) -> None:
        v1, customer = self.trade.v1, self._customer(account)
        method = v1.payment_methods.attach(card, {"customer": customer}).id
        settings = {"invoice_settings": {"default_payment_method": method}}
        v1.customers.update(customer, settings)
        if subscription is not None:
            v1.subscriptions.update(subscription, {"default_payment_method": method})


def _takes_off(theirs: Any) -> bool:
    """Whether an item takes off what is not owed, and what coupons took off of it is put back.

    Of such an invoice only the sum is the same on both sides.
    """
    return any(
        line.amount < 0 and "/count/" in str(line.metadata.to_dict().get("tallygate_item"))
        for line in theirs.lines
    )


def _resources(tx: Any, organization: str) -> list[Any]:
    return [one for one in resources.list_resources(tx, organization) if one.deleted_at is None]
