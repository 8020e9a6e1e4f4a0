"""Recorded traffic with the real Stripe, played against the sandbox.

Ids differ, so each recorded id stands for the id that the sandbox gave in its place. What was
there before a recording began (prices, coupons, cards) is put into the sandbox from what its
answers show. The clock stands where Stripe's stood.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx2
from tests.sandbox.sdk_shapes import class_named, fields_of

from tallygate_sandbox.testing import RunningSandbox

KINDS = "cus|sub|si|in|il|ii|pi|pm|ch|di|inpay|seti|cs|bps|bpc|txn|sub_sched|price|prod"
ID = re.compile(rf"({KINDS})_\w{{8,}}\Z")
INSIDE = re.compile(r"(cus|sub|si|in|ii|pi|pm|seti|cs)_\w{8,}")

# Names that endive has changed: the recordings are of clover and dahlia.
RENAMED = {"[plan]": "[price]"}

# What tells of Stripe's account, of secrets and of addresses, and not of behavior.
OF_THE_ACCOUNT = {
    "account_country", "account_name", "client_secret", "fingerprint", "hosted_invoice_url",
    "invoice_pdf", "invoice_prefix", "number", "request_log_url", "doc_url", "url", "message",
    "payment_method_configuration_details", "payment_method_options", "payment_method_types",
    "request_id", "version", "receipt_url", "balance_transaction", "merchant_display_name",
    "statement_descriptor_suffix", "calculated_statement_descriptor", "network_transaction_id",
    "use_stripe_sdk", "display_name", "times_redeemed", "adaptive_pricing",
}  # fmt: skip


@dataclass
class Step:
    """One request and what the real Stripe answered."""

    method: str
    path: str
    form: str
    status: int
    body: dict[str, Any]


@dataclass
class Replay:
    """A recording being played; `ids` maps recorded ids to the sandbox's."""

    sandbox: RunningSandbox
    ids: dict[str, str] = field(default_factory=dict)

    def unknown(self, step: Step) -> list[str]:
        """The ids that a request names and no earlier answer gave: it cannot be played."""
        named = INSIDE.finditer(f"{step.path} {step.form}")
        return [found[0] for found in named if found[0] not in self.ids]

    def give_card(self, step: Step, card: str) -> None:
        """The card that a request names was attached before the recording: attach one like it."""
        for found in INSIDE.finditer(step.form):
            customer = self.ids.get(step.path.rsplit("/", 1)[-1])
            if found[1] == "pm" and found[0] not in self.ids and customer:
                attached = self._send(
                    "POST", f"/v1/payment_methods/{card}/attach", f"customer={customer}"
                )
                self.ids[found[0]] = attached.json()["id"]

    def play(self, step: Step) -> list[str]:
        """Send a step's request; gives where the answer departs from the recorded one."""
        now = self.sandbox.control("clock")["now"]
        self.sandbox.control("clock", {"to": max(now, moment(step.body))})
        address = self._translated(step.path)
        form = urlencode([(self._key(k), self._translated(v)) for k, v in fields(step.form)])
        answer = self._send(step.method, address, form)
        if answer.status_code != step.status:
            said = f"{answer.status_code}, not {step.status}: {answer.text[:300]}"
            return [f"{step.method} {step.path}: {said}"]
        return list(self._compare(step.body, answer.json(), ""))

    def _send(self, method: str, address: str, form: str) -> httpx2.Response:
        headers = {
            "Authorization": "Bearer sk_test_replay",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        return httpx2.request(method, self.sandbox.url + address, content=form, headers=headers)

    def _key(self, name: str) -> str:
        for old, new in RENAMED.items():
            name = name.replace(old, new)
        return name

    def _translated(self, text: str) -> str:
        return INSIDE.sub(lambda found: self.ids.get(found[0], found[0]), text)

    def _compare(self, real: Any, ours: Any, path: str) -> Iterator[str]:
        if isinstance(real, dict) and isinstance(ours, dict):
            yield from self._compare_objects(real, ours, path)
        elif isinstance(real, list) and isinstance(ours, list):
            if len(real) != len(ours):
                yield f"{path}: {len(ours)} elements, not {len(real)}"
            for number, (r, o) in enumerate(zip(real, ours, strict=False)):
                yield from self._compare(r, o, f"{path}[{number}]")
        elif isinstance(real, str) and isinstance(ours, str) and ID.match(real):
            if self.ids.setdefault(real, ours) != ours:
                yield f"{path}: {ours}, where {real} is {self.ids[real]}"
        elif isinstance(real, int) and isinstance(ours, int) and real > 1_000_000_000:
            # Stripe's seconds pass while it works; ours stand.
            if abs(real - ours) > 3:
                yield f"{path}: {ours}, not {real}"
        elif real != ours:
            yield f"{path}: {ours!r}, not {real!r}"

    def _compare_objects(
        self, real: dict[str, Any], ours: dict[str, Any], path: str
    ) -> Iterator[str]:
        known = known_fields(real)
        for key, value in real.items():
            if key in OF_THE_ACCOUNT or (known is not None and key not in known):
                continue
            if key not in ours:
                yield f"{path}.{key}: missing, not {value!r}"
            else:
                yield from self._compare(value, ours[key], f"{path}.{key}")


def known_fields(obj: dict[str, Any]) -> set[str] | None:
    """The fields of an object that the SDK knows; None for a hash inside an object."""
    cls = class_named(obj["object"]) if isinstance(obj.get("object"), str) else None
    known = None if cls is None else fields_of(cls)
    return None if known is None else known.keys() | {"data", "object"}


def fields(form: str) -> list[tuple[str, str]]:
    return parse_qsl(form, keep_blank_values=True)


def moment(body: dict[str, Any]) -> int:
    """When an answer was given, as far as it tells: its latest second."""
    seconds = [v for v in _numbers(body) if v > 1_500_000_000]
    created = body.get("created", 0)
    near = [v for v in seconds if created <= v < created + 3600]
    return max(near, default=created)


def _numbers(value: Any) -> Iterator[int]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if isinstance(value, int) and not isinstance(value, bool):
        yield value
    for one in inner:
        yield from _numbers(one)


def steps_of(recording: Path) -> list[Step]:
    return [
        Step(
            entry["request"]["method"],
            entry["request"]["path"],
            entry["request"].get("form") or "",
            entry["response"]["status"],
            entry["response"]["body"],
        )
        for entry in json.loads(recording.read_text("utf-8"))
    ]


def prepare(replay: Replay, steps: list[Step]) -> None:
    """Put into the sandbox what stood in Stripe's before the recording began."""
    objects = replay.sandbox.world.objects
    named = {value for step in steps for _, value in fields(step.form)}
    for obj in [obj for step in steps for obj in _objects(step.body)]:
        seen = obj["object"] not in UNSEEN or objects.find(obj["object"], obj["id"])
        if obj.get("id") in named and not seen:
            objects.restore(obj | UNSEEN[obj["object"]])
            replay.ids[obj["id"]] = obj["id"]
        if obj["object"] == "line_item" and (product := _product_of(obj)):
            objects.restore(product)
            replay.ids[product["id"]] = product["id"]


# What no answer shows and the sandbox keeps beside it.
UNSEEN: dict[str, dict[str, Any]] = {
    "price": {"_tiers": None, "_currency_options": {}},
    "coupon": {"_applies_to": None, "_currency_options": {}},
}
DESCRIPTION = re.compile(
    r"(?:Free trial for )?\d+ (?:(?P<unit>\w+) )?× (?P<name>.+?)(?: \(at .*)?\Z"
)


def _product_of(line: dict[str, Any]) -> dict[str, Any] | None:
    """The product behind a line, whose description tells its name and unit."""
    told = DESCRIPTION.match(line["description"] or "")
    details = (line["pricing"] or {}).get("price_details")
    if not told or not details:
        return None
    return {
        "id": details["product"],
        "object": "product",
        "name": told["name"],
        "unit_label": told["unit"],
    }


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if isinstance(value.get("object"), str) and "id" in value:
            yield value
        for one in value.values():
            yield from _objects(one)
    elif isinstance(value, list):
        for one in value:
            yield from _objects(one)
