"""Requests of a stranger: each endpoint's own shape, filled with sense and nonsense."""

import random
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from tallygate_sandbox.api.endpoints import ENDPOINTS, Endpoint
from tallygate_sandbox.app import Answer, Sandbox
from tallygate_sandbox.wire.shapes import (
    Choice,
    Fields,
    Many,
    Number,
    OneOf,
    Pairs,
    Shape,
    Text,
    Truth,
)
from tallygate_sandbox.world.objects import decode, encode

NONSENSE: tuple[Any, ...] = (
    "",
    "0",
    "-1",
    "9" * 400,
    "1e999",
    "1e-30",
    "NaN",
    "\0",
    "\x7f\u202e",
    "<script>",
    "' OR 1=1 --",
    "x" * 4999,
    "true",
    "now",
    "usd",
    {"a": "b"},
    {"0": "x"},
    {"0": {"0": {"0": "x"}}},
)
NUMBERS = ("0", "1", "2", "7", "100", "-1", "-100", "999999999999", "100000000000000000")
DECIMALS = ("0", "0.5", "2.5", "1e-7", "-3.25", "999999999.999999999999", "100")
MEANT = {
    "currency": ("usd", "eur", "jpy", "xyz"),
    "email": ("a@example.org",),
    "url": ("http://127.0.0.1:9/",),
    "success_url": ("http://127.0.0.1:9/",),
    "return_url": ("http://127.0.0.1:9/",),
    "payment_method": ("pm_card_visa", "pm_card_chargeCustomerFail"),
    "event_name": ("calls", "storage"),
    "query": ("name:'a'", "metadata['a']:'b' AND created>1", "x", "name~'a"),
    "expand": ("data", "customer", "latest_invoice.payments", "lines"),
    "mode": ("subscription", "payment", "setup"),
    "type": ("card", "request", "customer.created", "coupon"),
    "up_to": ("inf", "10", "100"),
    "value": ("5", "-5"),
    "stripe_customer_id": (),
}


WITHOUT_WHICH_LITTLE_WORKS = (
    "amount cancel customer invoice items line_items payment_method percent_off phases price "
    "product recurring subscription success_url type unit_amount usage_threshold webhook_endpoint"
)
LIKELY = dict.fromkeys(WITHOUT_WHICH_LITTLE_WORKS.split(), 0.75)


@dataclass
class Stranger:
    """A seeded source of requests, which remembers the ids that it has seen."""

    sandbox: Sandbox
    dice: random.Random
    seen: dict[str, list[str]] = field(default_factory=dict)

    def ask(self, declared: Endpoint) -> tuple[Answer, str]:
        """Send one request to an endpoint; gives the answer, and what was sent."""
        path = "/".join(
            self._ident(declared) if part.startswith("{") else part
            for part in declared.path.split("/")
        )
        # Mostly what the endpoint takes: the rest is 501.
        names = {taken.partition(".")[0] for taken in declared.takes}
        shapes = declared.shape.shapes
        if self.dice.random() < 0.9:
            shapes = {name: shape for name, shape in shapes.items() if name in names}
        tree = self._fields(Fields(shapes, declared.shape.required), 0)
        self._hit(declared, tree)
        version_2 = path.startswith("/v2/")
        query, body = "", b""
        if version_2 and declared.method != "GET":
            body = encode(tree)
        elif declared.method == "GET":
            query = form(tree)
        else:
            body = form(tree).encode()
        headers = {"authorization": "Bearer sk_test_1", "host": "127.0.0.1"}
        asked = self.sandbox.asked(declared.method, path, query, body, headers)
        begun = self.sandbox.begin(asked)
        answer = begun if isinstance(begun, Answer) else self.sandbox.finish(begun)
        return answer, f"{declared.method} {path}?{query} {body.decode(errors='replace')[:1500]}"

    def remember(self, answer: Any) -> None:
        """Keep the ids of an answer, by their kind."""
        if isinstance(answer, dict):
            ident, kind = answer.get("id"), answer.get("object")
            if isinstance(ident, str) and isinstance(kind, str):
                known = self.seen.setdefault(kind, [])
                if ident not in known:
                    known.append(ident)
            for value in answer.values():
                self.remember(value)
        elif isinstance(answer, list):
            for value in answer:
                self.remember(value)

    def _hit(self, declared: Endpoint, tree: Any) -> None:
        """Now and then one parameter that the endpoint does not have, or a hash as a value."""
        if isinstance(tree, dict) and tree and self.dice.random() < 0.05:
            tree[self.dice.choice(sorted(tree))] = self.dice.choice(NONSENSE)

    def _ident(self, declared: Endpoint) -> str:
        """An id for a path: mostly one of the kind that the path names."""
        pool = [ident for idents in self.seen.values() for ident in idents[-20:]]
        path = declared.path.partition("/{")[0]
        near = [
            one
            for kind in self.seen
            if path.endswith(f"/{kind.replace('.', '/')}s")
            for one in self.seen[kind]
        ]
        if not pool or self.dice.random() < 0.05:
            return self.dice.choice(("x", "%00", "cus_none", "\0", "é"))
        return self.dice.choice(near[-10:] if near and self.dice.random() < 0.9 else pool)

    def _fields(self, shape: Fields, depth: int, name: str = "") -> dict[str, Any]:
        share = min(1.0, 4 / max(len(shape.shapes), 1)) if depth else 0.25
        chosen = [
            key
            for key in sorted(shape.shapes)
            if self.dice.random() < (0.97 if key in shape.required else LIKELY.get(key, share))
        ]
        if depth > 4:
            chosen = [key for key in chosen if key in shape.required]
        known = [key for key in chosen if key in shape.shapes]
        return {key: self._value(shape.shapes[key], depth + 1, key) for key in known}

    def _value(self, shape: Shape, depth: int, name: str) -> Any:  # noqa: C901, PLR0911  # a table
        if self.dice.random() < 0.03:
            return self.dice.choice(NONSENSE)
        match shape:
            case Fields():
                return self._fields(shape, depth, name)
            case Many(of):
                many = [self._value(of, depth + 1, name) for _ in range(self.dice.randint(1, 3))]
                return {str(at): one for at, one in enumerate(many)}
            case Pairs():
                customers = self.seen.get("customer", ["cus_none"])
                if name == "payload":
                    return {"stripe_customer_id": self.dice.choice(customers), "value": "5"}
                return {"a": self.dice.choice(("", "b", "c"))}
            case OneOf(options):
                return self._value(self.dice.choice(options), depth, name)
            case Choice(words):
                return self.dice.choice(words)
            case Truth():
                return self.dice.choice(("true", "false"))
            case Number(whole):
                return self._number(name, whole=whole)
            case Text():
                return self._text(name)

    def _number(self, name: str, *, whole: bool) -> str:
        now = self.sandbox.world.clock.now()
        if name == "limit":
            return self.dice.choice(("1", "10", "100", "0", "101"))
        if any(
            word in name
            for word in ("_at", "_end", "_start", "time", "date", "anchor", "start", "end")
        ):
            return str(now + self.dice.choice((-90, -1, 0, 1, 7, 30, 400)) * 86_400)
        return self.dice.choice(NUMBERS if whole else DECIMALS)

    def _text(self, name: str) -> str:
        if MEANT.get(name):
            return self.dice.choice(MEANT[name])
        kinds = {
            "id": "subscription_item",
            "meter": "billing.meter",
            "default_payment_method": "payment_method",
            "test_clock": "test_helpers.test_clock",
        }
        pool = self.seen.get(kinds.get(name, name), [])
        if pool and self.dice.random() < 0.9:
            return self.dice.choice(pool[-10:])
        anything = [ident for idents in self.seen.values() for ident in idents[-5:]]
        if anything and self.dice.random() < 0.3:
            return self.dice.choice(anything)
        return self.dice.choice(("Ada", "a", "10.5", "usd", "2026-01-02T00:00:00Z", "ä ö"))


def form(tree: Any, prefix: str = "") -> str:
    """A tree as a form, brackets and all."""
    if isinstance(tree, dict):
        inner = [form(value, f"{prefix}[{key}]" if prefix else key) for key, value in tree.items()]
        return "&".join(part for part in inner if part)
    return f"{prefix}={quote(str(tree))}"


def endpoints() -> list[Endpoint]:
    return sorted(ENDPOINTS, key=lambda one: (one.path, one.method))


SHOP = (
    "POST /v1/products name=Plan",
    "POST /v1/prices currency=usd&product={product}&unit_amount=2000&recurring[interval]=month",
    "POST /v1/prices currency=usd&product={product}&unit_amount=900",
    "POST /v1/billing/meters display_name=Calls&event_name=calls&default_aggregation[formula]=sum",
    (
        "POST /v1/prices currency=usd&product={product}&unit_amount=2&recurring[interval]=month"
        "&recurring[usage_type]=metered&recurring[meter]={billing.meter}"
    ),
    "POST /v1/coupons percent_off=10&duration=once",
    "POST /v1/test_helpers/test_clocks frozen_time=1767225600",
    "POST /v1/webhook_endpoints url=http://127.0.0.1:9/&enabled_events[0]=*",
    (
        "POST /v1/customers name=Ada&payment_method=pm_card_visa"
        "&invoice_settings[default_payment_method]=pm_card_visa"
    ),
    (
        "POST /v1/billing/credit_grants customer={customer}&name=g&category=paid"
        "&amount[type]=monetary&amount[monetary][value]=500&amount[monetary][currency]=usd"
        "&applicability_config[scope][price_type]=metered"
    ),
    "POST /v1/subscriptions customer={customer}&items[0][price]={price}&expand[0]=latest_invoice",
    "POST /v1/invoiceitems customer={customer}&amount=700&currency=usd",
    "POST /v1/invoices customer={customer}&pending_invoice_items_behavior=include",
    "POST /v1/setup_intents customer={customer}",
    "POST /v1/payment_intents customer={customer}&amount=500&currency=usd",
    "POST /v1/billing_portal/configurations features[invoice_history][enabled]=true",
    "POST /v1/billing_portal/sessions customer={customer}",
    (
        "POST /v1/checkout/sessions mode=subscription&success_url=http://127.0.0.1:9/"
        "&line_items[0][price]={price}&line_items[0][quantity]=1"
    ),
    "POST /v1/payment_links line_items[0][price]={price}&line_items[0][quantity]=1",
    "POST /v1/promotion_codes promotion[type]=coupon&promotion[coupon]={coupon}",
    "POST /v1/subscription_schedules from_subscription={subscription}",
    "GET /v1/payment_methods customer={customer}",
    "GET /v1/charges limit=1",
    "GET /v1/invoice_payments limit=5",
    "GET /v1/events limit=5",
)


def furnish(stranger: Stranger) -> None:
    """Give a stranger a shop with one of nearly everything."""
    for line in SHOP:
        method, path, fields = line.split(" ", 2)
        for kind, idents in stranger.seen.items():
            fields = fields.replace("{" + kind + "}", idents[0])
        query, body = (fields, b"") if method == "GET" else ("", fields.encode())
        headers = {"authorization": "Bearer sk_test_1", "host": "127.0.0.1"}
        begun = stranger.sandbox.begin(stranger.sandbox.asked(method, path, query, body, headers))
        answer = begun if isinstance(begun, Answer) else stranger.sandbox.finish(begun)
        assert answer.status == 200, f"{line}: {answer.body.decode()}"
        stranger.remember(decode(answer.body))
