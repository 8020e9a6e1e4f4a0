"""The request sequences by which Stripe's own command-line tool brings an event about."""

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx2

from tallygate_sandbox.testing import RunningSandbox

NAMED = re.compile(r"\$\{([^}]+)\}")

CHECKOUT_PAGE = "/v1/payment_pages/"  # calls of the tool that are no part of the public API


@dataclass
class Trigger:
    """A sequence being played; `answers` are those so far, by the step's name."""

    sandbox: RunningSandbox
    answers: dict[str, Any] = field(default_factory=dict)

    def play(self, file: Path) -> list[str]:
        """Play a file; gives what went otherwise than the tool expects."""
        wrong = []
        for step in json.loads(file.read_text("utf-8"))["fixtures"]:
            status, answer = self._send(step)
            kind = answer.get("error", {}).get("type")
            if kind not in {None, step.get("expected_error_type")}:
                wrong.append(f"{step['method']} {step['path']}: {status} {answer['error']}")
            self.answers[step["name"]] = answer
        return wrong

    def _send(self, step: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        path, params = self._filled(step["path"]), self._filled(step.get("params") or {})
        if path.startswith(CHECKOUT_PAGE):
            return self._checkout(path, params)
        params = of_today(path, params)
        headers = {"Authorization": "Bearer sk_test_cli", **self._filled(step.get("headers", {}))}
        headers.pop("Stripe-Version", None)  # the tool names one of before basil
        if path.startswith("/v2/"):
            sent = httpx2.post(self.sandbox.url + path, json=params, headers=headers)
        else:
            form, address = urlencode(flat(params)), self.sandbox.url + path
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            if step["method"] == "get":
                sent = httpx2.get(f"{address}?{form}", headers=headers)
            else:
                sent = httpx2.request(step["method"], address, content=form, headers=headers)
        return sent.status_code, sent.json() if sent.content else {}

    def _checkout(self, path: str, params: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """The tool pays on the hosted page; here by the sandbox's way to complete a session."""
        if not path.endswith("/confirm"):
            return 200, {}
        session = path.split("/")[3]
        assert params["payment_method"]
        body = {"card": "4242424242424242", "email": "jenny@example.com"}
        return 200, self.sandbox.control(f"checkout/sessions/{session}/complete", body)

    def _filled(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._filled(one) for key, one in value.items()}
        if isinstance(value, list):
            return [self._filled(one) for one in value]
        return NAMED.sub(self._named, value) if isinstance(value, str) else value

    def _named(self, found: re.Match[str]) -> str:
        """What a placeholder stands for; an answer that was refused has nothing to give."""
        name = found[1]
        if name == "generate-uuid":
            return f"identifier-{len(self.answers)}"
        if name == "time-now-RFC3339":
            now = self.sandbox.control("clock")["now"]
            return datetime.fromtimestamp(now, UTC).isoformat().replace("+00:00", "Z")
        step, _, path = name.partition(":")
        here = self.answers[step]
        for key in path.split("."):
            if "error" in here:
                return "nothing"
            here = here[int(key)] if key.isdigit() else here[key]
        return str(here)


def of_today(path: str, params: dict[str, Any]) -> dict[str, Any]:
    """The tool's parameters as the pinned version of the API calls them."""
    if path == "/v1/customers" and params.pop("source", None):
        card = {"payment_method": "pm_card_visa"}
        return params | card | {"invoice_settings": {"default_payment_method": "pm_card_visa"}}
    if path == "/v1/promotion_codes" and "coupon" in params:
        coupon = params.pop("coupon")
        return params | {"promotion": {"type": "coupon", "coupon": coupon}}
    if path == "/v1/subscription_schedules":
        for phase in params["phases"].values():
            phase["duration"] = {"interval": "month", "interval_count": phase.pop("iterations")}
    return params


def flat(params: Any, name: str = "") -> list[tuple[str, str]]:
    """A tree as the fields of a form."""
    if isinstance(params, dict):
        inner = [flat(v, f"{name}[{k}]" if name else k) for k, v in params.items()]
    elif isinstance(params, list):
        inner = [flat(v, f"{name}[{n}]") for n, v in enumerate(params)]
    else:
        return [(name, str(params).lower() if isinstance(params, bool) else str(params))]
    return [pair for pairs in inner for pair in pairs]
