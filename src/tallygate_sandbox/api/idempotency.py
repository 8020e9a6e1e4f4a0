"""Idempotency keys: what was answered once is answered again.

Source: https://docs.stripe.com/api/idempotent_requests. The answer is kept once execution has
begun, errors of the server included; what was refused before (a malformed request, 401, 429) and a
conflict are not. Keys are forgotten after 24 hours of the sandbox's clock. Version 2 of the API
executes a failed request again instead of repeating its answer.

An answer is kept in the transaction of what it answers: a crash leaves both, or neither.
"""

from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Seen, World

KIND = "_idempotency"
KEPT_SECONDS = 24 * 3600
MAX_KEY = 255
NOT_KEPT = frozenset({401, 409, 429})


class Idempotency:
    """Answers by key."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._under_way: dict[str, str] = {}

    def begin(self, key: str, request: str) -> Seen | None:
        """The answer that is kept under this key; None when the request is to be executed.

        Raises:
            Refusal: the key stands for another request, or its request is still running.
        """
        if len(key) > MAX_KEY:
            raise Refusal(f"Idempotency keys can be up to {MAX_KEY} characters.")
        kept = self._world.find(KIND, key)
        if kept and kept["created"] <= self._world.clock.now() - KEPT_SECONDS:
            kept = None
        first = kept["request"] if kept else self._under_way.get(key)
        if first not in {None, request}:
            raise Refusal(
                "Keys for idempotent requests can only be used with the same parameters they were "
                f"first used with. Try using a key other than '{key}' if you meant to execute a "
                "different request.",
                type="idempotency_error",
            )
        if key in self._under_way:
            raise Refusal(
                "There is currently another in-progress request using this Idempotent Key (that "
                "probably means you submitted twice, and the other request is still going "
                f"through): {key}. Please try again later.",
                status=409,
                type="idempotency_error",
                code="idempotency_key_in_use",
            )
        if kept is None:
            self._under_way[key] = request
        return kept

    def keep(self, key: str, request_id: str, status: int, body: bytes) -> None:
        """Keep an answer, within its transaction."""
        self._forget()
        if self._world.find(KIND, key):
            self._world.remove(KIND, key)
        self._world.add(
            {
                "id": key,
                "object": KIND,
                "created": self._world.clock.now(),
                "request": self._under_way[key],
                "request_id": request_id,
                "status": status,
                "body": body.decode(),
            }
        )

    def end(self, key: str) -> None:
        """The request under this key runs no longer."""
        self._under_way.pop(key, None)

    def _forget(self) -> None:
        for old in self._world.objects.older(KIND, self._world.clock.now() - KEPT_SECONDS):
            self._world.remove(KIND, old)
