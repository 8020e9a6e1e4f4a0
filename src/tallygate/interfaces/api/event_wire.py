"""In which form did events come, and how are they answered?

`POST /v1/events` takes one CloudEvent, a JSON array, `application/cloudevents-batch+json`, or
NDJSON. A batch whose JSON is broken is refused whole; an event in it that is malformed is
refused alone, with its index.
"""

import msgspec

from tallygate.core.errors import Invalid
from tallygate.workflows.event_json import read_array, read_lines, read_single
from tallygate.workflows.ingest import Batch, Refusal, Verdicts

BATCH = "application/cloudevents-batch+json"
SINGLE = "application/cloudevents+json"
LINES = frozenset(("application/x-ndjson", "application/ndjson", "application/jsonl"))
JSON = frozenset((BATCH, SINGLE, "application/json", ""))

_encode = msgspec.json.Encoder().encode


def decode(body: bytes, content_type: str, tenant: str | None, max_batch: int) -> Batch:
    """The events of a request's body.

    Raises:
        Invalid: the body is not JSON, or its type is none of those that are taken.
        TooLarge: there are more events than a batch may have.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind in LINES:
        return read_lines(body, tenant, max_batch)
    if kind not in JSON:
        raise Invalid(
            f"The content type {kind[:60]!r} is not taken: send {SINGLE}, {BATCH}, "
            "application/json or application/x-ndjson.",
            code="unsupported_media_type",
        )
    if body.lstrip(b" \t\r\n")[:1] == b"[":
        return read_array(body, tenant, max_batch)
    if kind == BATCH:
        raise Invalid("A batch of CloudEvents is a JSON array.")
    return read_single(body, tenant)


def answer(verdicts: Verdicts) -> bytes:
    """The verdicts as JSON."""
    return _encode(
        {
            "accepted": verdicts.accepted,
            "duplicates": verdicts.duplicates,
            "conflicts": [_told(refusal) for refusal in verdicts.conflicts],
            "rejected": [_told(refusal) for refusal in verdicts.rejected],
        }
    )


def _told(refusal: Refusal) -> dict[str, object]:
    return {"index": refusal.index, "id": refusal.id, "error": refusal.error}
