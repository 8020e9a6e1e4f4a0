"""Idempotency keys: what was answered once is answered again.

Source: https://docs.stripe.com/api/idempotent_requests. The answer is kept once execution has
begun, errors of the server included; what was refused before (a malformed request, 401, 429) and a
conflict are not. Keys are forgotten after 24 hours of the sandbox's clock. Version 2 of the API
executes a failed request again instead of repeating its answer.
"""

from dataclasses import dataclass

from tallygate_sandbox.wire.refusals import Refusal

KEPT_SECONDS = 24 * 3600
MAX_KEY = 255


@dataclass(slots=True)
class Kept:
    """An answer under a key; `status` 0 while the request is still running."""

    request: bytes
    request_id: str
    at: int
    status: int = 0
    body: bytes = b""


class Idempotency:
    """Answers by key."""

    def __init__(self) -> None:
        self._kept: dict[str, Kept] = {}

    def begin(self, key: str, request: bytes, request_id: str, now: int) -> Kept | None:
        """The answer that is kept under this key; None when the request is to be executed.

        Raises:
            Refusal: the key stands for another request, or its request is still running.
        """
        if len(key) > MAX_KEY:
            raise Refusal(f"Idempotency keys can be up to {MAX_KEY} characters.")
        self._forget(now)
        kept = self._kept.get(key)
        if kept is None:
            self._kept[key] = Kept(request, request_id, now)
            return None
        if kept.request != request:
            raise Refusal(
                "Keys for idempotent requests can only be used with the same parameters they were "
                f"first used with. Try using a key other than '{key}' if you meant to execute a "
                "different request.",
                type="idempotency_error",
            )
        if not kept.status:
            raise Refusal(
                "There is currently another in-progress request using this Idempotent Key (that "
                "probably means you submitted twice, and the other request is still going "
                f"through): {key}. Please try again later.",
                status=409,
                type="idempotency_error",
                code="idempotency_key_in_use",
            )
        return kept

    def keep(self, key: str, status: int, body: bytes) -> None:
        self._kept[key].status = status
        self._kept[key].body = body

    def forget(self, key: str) -> None:
        self._kept.pop(key, None)

    def _forget(self, now: int) -> None:
        for key, kept in list(self._kept.items()):
            if kept.at > now - KEPT_SECONDS:
                break  # the oldest come first
            del self._kept[key]
