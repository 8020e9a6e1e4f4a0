"""Random lives: each act is done to the sandbox, by the official SDK, and told to the oracle."""

import random
from calendar import monthrange
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from stripe import InvalidRequestError, Invoice, StripeClient
from tests.sandbox.oracle.arithmetic import DAY, HOUR, Rhythm
from tests.sandbox.oracle.bills import Bill, Discount, Item
from tests.sandbox.oracle.contract import Contract
from tests.sandbox.oracle.goods import Goods

from tallygate_sandbox.testing import RunningSandbox

Row = tuple[int, int, int, bool]
MONTH, YEAR, WEEK = Rhythm("month"), Rhythm("year"), Rhythm("week")
QUARTER, FORTNIGHT = Rhythm("month", 3), Rhythm("week", 2)
LEAST = {"usd": 50, "eur": 50, "jpy": 50}


def start_of(rng: random.Random) -> int:
    """An instant in 2026 or 2027, often on one of a month's last days."""
    year, month = rng.choice([2026, 2027]), rng.randrange(1, 13)
    day = rng.choice([29, 30, 31]) if rng.random() < 0.6 else rng.randrange(1, 29)
    day = min(day, monthrange(year, month)[1])
    return int(datetime(year, month, day, tzinfo=UTC).timestamp()) + rng.choice(
        [0, 1, 12 * HOUR, rng.randrange(DAY)]
    )


class Life:
    """One customer with one subscription, from a seed; `wrong` says where the two disagree."""

    def __init__(self, seed: int, sandbox: RunningSandbox, client: StripeClient) -> None:
        self.rng = random.Random(seed)  # noqa: S311  # a seed, to repeat a life
        self.sandbox, self.client = sandbox, client
        self.now = start_of(self.rng)
        self.currency = self.rng.choice(["usd", "usd", "eur", "jpy", "kwd"])
        self.goods = Goods(self.rng, client, self.currency)
        self.classic = self.rng.random() < 0.2
        self.itemized = not self.classic and self.rng.random() < 0.25
        self.mixed = not self.classic and self.rng.random() < 0.4
        self.rhythm = self.rng.choice([MONTH, MONTH, MONTH, QUARTER, WEEK, FORTNIGHT, YEAR])
        self.rows: dict[str, str] = {}  # the oracle's keys of items, and the sandbox's
        self.wrong: list[str] = []
        self.told: list[str] = []
        self.number = 0
        self.contract = Contract(
            self.now, LEAST.get(self.currency, 50), self.classic, self.itemized
        )
        self.contract.formulas = self.goods.formulas

    def live(self) -> list[str]:
        """Live it; gives the disagreements, with what led to them."""
        self._begin()
        for _ in range(self.rng.randrange(4, 12)):
            if self.contract.ended:
                break
            self._wait()
            act = self.rng.choices(
                [self._use, self._alter, self._add, self._remove, self._discount, self._end],
                [40, 28, 10, 8, 6, 8],
            )[0]
            act()
            self._use()
            if self.wrong:
                return [*self.told, *self.wrong]
        for _ in range(self.rng.randrange(1, 4)):
            self._renew()
        self._compare()
        return [*self.told, *self.wrong] if self.wrong else []

    def _coupon(self) -> tuple[str, Discount]:
        products = [item.price.product for item in self.contract.items]
        return self.goods.coupon(products, self.now)

    # -- acts

    def _new_item(self) -> tuple[dict[str, Any], Item]:
        rhythm = self.rng.choice([MONTH, YEAR, QUARTER]) if self.mixed else self.rhythm
        price = self.goods.price(rhythm, metered=self.rng.random() < 0.4)
        quantity = 1 if price.meter else self.rng.choice([0, 1, 2, 3, 7, 12, 250])
        self.number += 1
        item = Item(f"i{self.number}", price, quantity, 0, 0, 0)
        sent: dict[str, Any] = {"price": price.name, "metadata": {"key": item.key}}
        sent |= {} if price.meter else {"quantity": quantity}
        if self.rng.random() < 0.15:
            coupon, discount = self.goods.coupon([price.product], self.now)
            sent["discounts"] = [{"coupon": coupon}]
            item.discounts.append(discount)
        return sent, item

    def _begin(self) -> None:
        rng, contract = self.rng, self.contract
        self.sandbox.advance_to(self.now)
        self.customer = self.client.v1.customers.create(
            {
                "payment_method": "pm_card_visa",
                "invoice_settings": {"default_payment_method": "pm_card_visa"},
            }
        ).id
        made = [self._new_item() for _ in range(rng.randrange(1, 4))]
        sent: Any = {"customer": self.customer, "items": [one for one, _ in made]}
        contract.items = [item for _, item in made]
        sent["billing_mode"] = {"type": "classic"} if self.classic else {"type": "flexible"}
        if self.itemized:
            sent["billing_mode"]["flexible"] = {"proration_discounts": "itemized"}
        for _ in range(rng.choice([0, 0, 1, 1, 2])):
            coupon, discount = self.goods.coupon(
                [item.price.product for item in contract.items], self.now
            )
            sent.setdefault("discounts", []).append({"coupon": coupon})
            contract.discounts.append(discount)
        anchor = trial_end = None
        prorates = True
        if rng.random() < 0.2:
            days = rng.choice([1, 7, 14, 30])
            sent["trial_period_days"], trial_end = days, self.now + days * DAY
        elif rng.random() < 0.25:
            soonest = min(item.price.rhythm.after(self.now, 1) for item in contract.items)
            anchor = sent["billing_cycle_anchor"] = rng.randrange(self.now + HOUR, soonest)
            prorates = rng.random() < 0.7
            sent["proration_behavior"] = "create_prorations" if prorates else "none"
        self._tell("begin", trial_end=trial_end, anchor=anchor, sent=sent, items=contract.items)
        self.sub = self.client.v1.subscriptions.create(sent).id
        contract.begin(anchor, trial_end, prorates=prorates)
        self._learn()

    def _wait(self) -> None:
        """Let time pass: to a random instant, or to one just before or after a boundary."""
        rng, boundary = self.rng, self.contract.next_boundary()
        assert boundary is not None
        way = rng.random()
        if way < 0.45:
            self._move(rng.randrange(self.now, max(boundary, self.now + 2)))
        elif way < 0.6:
            self._move(max(boundary + rng.randrange(HOUR), self.now))
        elif way < 0.7:
            self._move(max(boundary + rng.randrange(40 * DAY), self.now))
        else:
            self._renew()

    def _renew(self) -> None:
        """To the second before the next boundary, a preview, and on to what comes of it."""
        boundary = self.contract.next_boundary()
        if boundary is None:
            self._move(self.now + HOUR)
            return
        if boundary - 1 > self.now:
            self._move(boundary - 1)
        self._preview({}, self.contract.coming())
        self._move(boundary + HOUR)

    def _move(self, instant: int) -> None:
        self.now = instant
        self._tell("move")
        self.sandbox.advance_to(instant)
        self.contract.live_until(instant)

    def _use(self) -> None:
        rng = self.rng
        for _ in range(rng.choice([1, 1, 1, 2, 4]) if self.goods.meters else 0):
            meter = rng.choice(list(self.goods.meters))
            at = self.now - rng.choice([0, 0, 1, HOUR, 5 * HOUR, 3 * DAY, -200])
            value = rng.choice([0, 1, 1, 3, 42, 1000, 98_765, -2])
            self._tell("use", meter=meter, at=at, value=value)
            self.client.v1.billing.meter_events.create(
                {
                    "event_name": meter,
                    "payload": {"stripe_customer_id": self.customer, "value": str(value)},
                    "timestamp": at,
                }
            )
            self.contract.events.setdefault(meter, []).append((at, value))

    def _alter(self) -> None:
        rng = self.rng
        item = rng.choice(self.contract.items)
        sent: dict[str, Any] = {"id": self.rows[item.key]}
        price, quantity = item.price, item.quantity
        if item.price.meter or rng.random() < 0.5:
            rhythm = rng.choice([MONTH, YEAR]) if self.mixed else item.price.rhythm
            metered = item.price.meter is not None
            if rng.random() < 0.15:
                metered = not metered
            price = self.goods.price(
                rhythm, metered=metered, meter=item.price.meter if metered else None
            )
            sent["price"], quantity = price.name, 1
        if not price.meter:
            quantity = sent["quantity"] = rng.choice([0, 1, 2, 5, 30])
        else:
            quantity = 1

        def told(contract: Contract, *, prorates: bool) -> None:
            contract.alter(item.key, price, quantity, prorates=prorates)

        self._change([sent], told, may_skip=price.rhythm == item.price.rhythm)

    def _add(self) -> None:
        sent, item = self._new_item()
        if len(self.contract.items) > 4:
            return

        def told(contract: Contract, *, prorates: bool) -> None:
            contract.add(_again(item), prorates=prorates)

        self._change([sent], told)

    def _remove(self) -> None:
        if len(self.contract.items) < 2:
            return
        item = self.rng.choice(self.contract.items)

        def told(contract: Contract, *, prorates: bool) -> None:
            contract.remove(item.key, prorates=prorates)

        self._change([{"id": self.rows[item.key], "deleted": True}], told)

    def _change(
        self, items: list[dict[str, Any]], told: Callable[..., None], *, may_skip: bool = True
    ) -> None:
        behaviors = ["create_prorations", "create_prorations", "always_invoice", "none"]
        behavior = self.rng.choice(behaviors if may_skip else behaviors[:-1])
        prorates, at_once = behavior != "none", behavior == "always_invoice"
        params: Any = {"items": items, "proration_behavior": behavior, "proration_date": self.now}
        if self.contract.trialing or behavior == "none":
            del params["proration_date"]
        after = deepcopy(self.contract)
        before = len(after.waiting)
        told(after, prorates=prorates)
        self._tell(behavior, items=items)
        if at_once and len(after.waiting) > before:
            after.invoice_changes()
            self._preview({"subscription_details": params}, after.bills[-1])
        elif self.rng.random() < 0.5:
            self._preview({"subscription_details": params}, after.coming())
        self.client.v1.subscriptions.update(self.sub, params)
        before = len(self.contract.waiting)
        told(self.contract, prorates=prorates)
        if at_once and len(self.contract.waiting) > before:
            self.contract.invoice_changes()
        self._learn()

    def _discount(self) -> None:
        """Put another discount in the place of what the subscription has, or none."""
        contract = self.contract
        coupon, discount = self.goods.coupon(
            [item.price.product for item in contract.items], self.now
        )
        gone = self.rng.random() < 0.3
        self._tell("discount", gone=gone, discount=discount)
        contract.discounts = [] if gone else [discount]
        self.client.v1.subscriptions.update(
            self.sub, {"discounts": "" if gone else [{"coupon": coupon}]}
        )

    def _end(self) -> None:
        rng = self.rng
        if rng.random() < 0.5:
            prorates = rng.random() < 0.7
            behavior = "create_prorations" if prorates else "none"
            self._tell("end with period", behavior=behavior)
            self.client.v1.subscriptions.update(
                self.sub, {"cancel_at_period_end": True, "proration_behavior": behavior}
            )
            self.contract.end_with_period(prorates=prorates)
            while not self.contract.ended:
                self._renew()
                self._use()
            return
        how: Any = {"invoice_now": rng.random() < 0.6, "prorate": rng.random() < 0.6}
        self._tell("cancel", how=how)
        self.client.v1.subscriptions.cancel(self.sub, how)
        self.contract.cancel(**how)

    # -- what the sandbox says

    def _tell(self, act: str, **more: Any) -> None:
        self.told.append(f"{self.now} {act} {more or ''}")

    def _learn(self) -> None:
        """Note what the sandbox calls each item."""
        for row in self.client.v1.subscriptions.retrieve(self.sub)["items"].data:
            self.rows[row.metadata["key"]] = row.id

    def _preview(self, asked: dict[str, Any], bill: Bill | None) -> None:
        if any(one.finalizes for one in self.contract.bills):
            return  # a draft may still spend what holds once, and nobody knows it yet
        params: Any = {"subscription": self.sub, **asked}
        try:
            shown = self.client.v1.invoices.create_preview(params)
        except InvalidRequestError as error:
            if bill is not None or error.code != "invoice_upcoming_none":
                self._differ(f"preview refused: {error}", bill)
            return
        if bill is None:  # nothing will be made, as at the end of a trial of usage alone
            if self.contract.ends_at or _said(shown) != ([], 0, 0):
                self._differ(f"a preview of nothing: {_said(shown)}", bill)
        elif shown.lines.has_more:
            if (shown.subtotal, shown.total) != (bill.subtotal, bill.total):
                self._differ(f"preview: {_said(shown)}", bill)
        elif _said(shown) != (bill.rows(), bill.subtotal, bill.total):
            self._differ(f"preview: {_said(shown)}", bill)

    def _compare(self) -> None:
        listed = self.client.v1.invoices.list({"customer": self.customer, "limit": 100})
        invoices = listed.data[::-1]
        bills = self.contract.bills
        if len(invoices) != len(bills):
            made = [(one.created, one.billing_reason) for one in invoices]
            self.wrong.append(f"invoices: {made}, not {[(b.made, b.reason) for b in bills]}")
        for invoice, bill in zip(invoices, bills, strict=False):
            if invoice.lines.has_more:
                invoice.lines = self.client.v1.invoices.line_items.list(invoice.id, {"limit": 100})
            said = (invoice.created, invoice.billing_reason, invoice.status)
            status = "paid" if bill.final else "draft"
            if said != (bill.made, bill.reason, status):
                self._differ(f"{said}", bill)
            if _said(invoice) != (bill.rows(), bill.subtotal, bill.total):
                self._differ(f"{said} {_said(invoice)}", bill)
            if bill.final and self.currency in LEAST and invoice.amount_due != bill.due:
                self._differ(f"{said} due {invoice.amount_due}", bill)
        waiting = self.client.v1.invoice_items.list(
            {"customer": self.customer, "pending": True, "limit": 100}
        )
        found = sorted(item.amount for item in waiting.data)
        if found != sorted(line.amount for line in self.contract.waiting):
            due = sorted(line.amount for line in self.contract.waiting)
            self.wrong.append(f"waiting: {found}, not {due}")

    def _differ(self, said: str, bill: Bill | None) -> None:
        due = bill and (bill.made, bill.reason, bill.rows(), bill.subtotal, bill.total, bill.due)
        self.wrong.append(f"at {self.now}: {said}\n    is not {due}")


def _said(invoice: Invoice) -> tuple[list[Row], int, int]:
    """An invoice's lines, subtotal and total."""
    rows = []
    for line in invoice.lines.data:
        parent = line.parent
        assert parent is not None
        details = parent.subscription_item_details or parent.invoice_item_details
        assert details is not None
        rows.append((line.amount, line.period.start, line.period.end, details.proration))
    return sorted(rows), invoice.subtotal, invoice.total


def _again(item: Item) -> Item:
    return replace(item, discounts=list(item.discounts), billed=[])
