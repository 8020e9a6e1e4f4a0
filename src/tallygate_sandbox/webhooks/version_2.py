"""Pages and timestamps as version 2 of the API writes them."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice
from urllib.parse import quote

from tallygate_sandbox.api import Call
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Obj, Seen

DEFAULT_LIMIT = 20
MAX_LIMIT = 100


def rfc3339(at: int) -> str:
    """2026-01-01T00:00:00.000Z."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def page_of(
    call: Call,
    kind: str,
    keep: Callable[[Seen], bool] = lambda _: True,
    show: Callable[[Seen], Obj] | None = None,
) -> Obj:
    """A page, newest first; `page` of the next one's URL names where this one ended."""
    limit = call.sent("limit", DEFAULT_LIMIT)
    if not 1 <= limit <= MAX_LIMIT:
        raise Refusal(f"limit must be between 1 and {MAX_LIMIT}.", param="limit")
    kept = (obj for obj in call.world.objects.newest_first(kind) if keep(obj))
    if after := call.sent("page"):
        if call.world.find(kind, after) is None:
            raise Refusal("Invalid page token.", param="page")
        for obj in kept:
            if obj["id"] == after:
                break
    chosen = list(islice(kept, limit + 1))
    more = len(chosen) > limit
    chosen = chosen[:limit]
    following = f"{call.url}?limit={limit}&page={quote(chosen[-1]['id'])}" if more else None
    return {
        "data": [(show or call.world.view)(obj) for obj in chosen],
        "next_page_url": following,
        "previous_page_url": None,
    }
