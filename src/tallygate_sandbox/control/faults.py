"""Faults on request: the next requests that match are refused, slowed, or answered with a lie."""

from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

from tallygate_sandbox.wire.refusals import Refusal

KINDS = {
    "rate_limit": "429 with Stripe-Rate-Limited-Reason; nothing is done",
    "lock_timeout": "429 lock_timeout, which the SDKs try again; nothing is done",
    "error": "500; nothing is done",
    "error_after": "500 after the work was done, kept under the idempotency key",
    "drop": "the connection is dropped; nothing is done",
    "drop_after": "the connection is dropped after the work was done",
    "slow": "the answer comes after `seconds`; its idempotency key is in use meanwhile",
}
REASONS = (
    "global-rate",
    "global-concurrency",
    "endpoint-rate",
    "endpoint-concurrency",
    "resource-specific",
)


@dataclass(slots=True)
class Fault:
    """`times` more requests have it, after `skip` matching ones without."""

    id: str
    kind: str
    times: int
    skip: int
    method: str | None
    path: str
    seconds: float
    reason: str

    def matches(self, method: str, path: str) -> bool:
        return self.method in {None, method} and path.startswith(self.path)

    def refusal(self) -> Refusal | None:
        """What is answered before any work is done."""
        match self.kind:
            case "rate_limit":
                return Refusal(
                    "Request rate limit exceeded. Learn more about rate limits here "
                    "https://docs.stripe.com/rate-limits.",
                    status=429,
                    type="invalid_request_error",
                    code="rate_limit",
                    headers={"Stripe-Rate-Limited-Reason": self.reason},
                )
            case "lock_timeout":
                return Refusal(
                    "This object cannot be accessed right now because another API request or "
                    "Stripe process is currently accessing it. If you see this error "
                    "intermittently, retry the request. If you see this error frequently and are "
                    "making multiple concurrent requests to a single object, make your requests "
                    "serially or at a lower rate.",
                    status=429,
                    code="lock_timeout",
                    headers={"Stripe-Should-Retry": "true"},
                )
            case "error":
                return broken()
        return None

    def shown(self) -> dict[str, Any]:
        return asdict(self)


def broken() -> Refusal:
    return Refusal("An unknown error occurred.", status=500, type="api_error")


class Faults:
    """The faults that are still to come, in the order in which they were asked for."""

    def __init__(self) -> None:
        self._coming: deque[Fault] = deque()
        self._number = 0

    def add(self, **asked: Any) -> Fault:
        self._number += 1
        fault = Fault(f"fault_{self._number}", **asked)
        self._coming.append(fault)
        return fault

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that this request has, used up by one."""
        for fault in self._coming:
            if not fault.matches(method, path):
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            fault.times -= 1
            if not fault.times:
                self._coming.remove(fault)
            return fault
        return None

    def coming(self) -> list[Fault]:
        return list(self._coming)

    def clear(self) -> None:
        self._coming.clear()
