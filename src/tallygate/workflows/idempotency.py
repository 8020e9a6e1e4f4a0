"""How is a request that comes twice done once?

`begin` before the work, `finish` with its answer after it, `give_up` where nothing came of it. The
same request gets the same answer for a day; another request under the same key is refused, and so
is a second one while the first is at work.

A request that was cut off (its process died, the database went away) may have done its work. It
is not done again under its key: whoever repeats it is told to look first.
"""

from datetime import timedelta
from typing import NamedTuple

from tallygate.adapters.store import idempotency
from tallygate.core.errors import Conflict, Invalid
from tallygate.core.failpoints import failpoint
from tallygate.workflows.installation import Installation

KEPT_FOR = timedelta(hours=24)
AT_WORK_FOR = timedelta(minutes=5)
MAX_KEY = 128


class Answer(NamedTuple):
    """What was answered the first time: the status and the body."""

    status: int
    body: str


def begin(installation: Installation, caller: str, key: str, request: str) -> Answer | None:
    """Begin a request; gives the answer where it was answered before.

    `request` is a fingerprint of all that the request asks for.

    Raises:
        Invalid: the key came with another request before (code `idempotency_key_reused`), or has
            another form.
        Conflict: the first request is still at work (code `request_in_flight`), or was cut off
            and may have done its work (code `request_outcome_unknown`).
    """
    if not 1 <= len(key) <= MAX_KEY or not key.isprintable():
        raise Invalid(
            f"An Idempotency-Key has 1 to {MAX_KEY} printable characters.",
            param="Idempotency-Key",
        )
    now = installation.now
    with installation.store.write() as tx:
        idempotency.forget_before(tx, now - KEPT_FOR)
        first = idempotency.find_request(tx, caller, key)
        if first is not None and first.request != request:
            raise Invalid(
                "This Idempotency-Key came with another request before: use a new key for a "
                "new request.",
                param="Idempotency-Key",
                code="idempotency_key_reused",
            )
        if first is not None and first.status is not None:
            return Answer(first.status, first.answer or "")
        if first is not None and now - first.began_at < AT_WORK_FOR:
            raise Conflict(
                "The first request with this Idempotency-Key is still at work: try again in a "
                "moment.",
                code="request_in_flight",
            )
        if first is not None:
            raise Conflict(
                "The first request with this Idempotency-Key was cut off and may have done its "
                "work: look whether it did, and if not, repeat it under a new key.",
                code="request_outcome_unknown",
            )
        idempotency.save_request(tx, caller, key, request, now)
    return None


def finish(installation: Installation, caller: str, key: str, answer: Answer) -> None:
    """Keep the answer, for whoever repeats the request."""
    failpoint("idempotency.finish.before")
    with installation.store.write() as tx:
        idempotency.save_answer(tx, caller, key, answer.status, answer.body)


def give_up(installation: Installation, caller: str, key: str) -> None:
    """Let the key be used again: the request was refused, and nothing came of it."""
    with installation.store.write() as tx:
        idempotency.forget_request(tx, caller, key)
