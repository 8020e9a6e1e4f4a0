"""Lists: newest first, by cursor, at most 100 on a page.

Source: https://docs.stripe.com/api/pagination.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import dropwhile, islice, takewhile
from typing import Any

from tallygate_sandbox.api.call import Call
from tallygate_sandbox.wire.refusals import Refusal, no_such
from tallygate_sandbox.world import Obj, Seen

DEFAULT_LIMIT = 10
MAX_LIMIT = 100


def page(
    call: Call,
    kind: str,
    keep: Callable[[Seen], bool] = lambda _: True,
    among: Iterable[Seen] | None = None,
) -> Obj:
    """A page of a kind's objects that are kept, as the call's paging parameters ask.

    `among` gives the candidates newest first, where an index knows them. A `created` filter is
    applied when it was sent.
    """
    candidates = call.world.objects.newest_first(kind) if among is None else iter(among)
    created = _within(call.params.get("created"))
    kept = (obj for obj in candidates if created(obj) and keep(obj))
    chosen, more = _cut(kept, call, kind)
    return list_of(call.url, [call.world.view(obj) for obj in chosen], more=more)


def list_of(url: str, shown: list[Obj], *, more: bool = False) -> Obj:
    """A list object of what is shown."""
    return {"object": "list", "data": shown, "has_more": more, "url": url}


def _cut(kept: Iterator[Seen], call: Call, kind: str) -> tuple[list[Seen], bool]:
    limit = _limit(call)
    after, before = call.sent("starting_after"), call.sent("ending_before")
    if after and before:
        raise Refusal(
            "You cannot parameterize both starting_after and ending_before.", param="ending_before"
        )
    for name, cursor in (("starting_after", after), ("ending_before", before)):
        if cursor and call.world.find(kind, cursor) is None:
            raise no_such(kind, cursor, name, status=400)
    if before:
        earlier = list(takewhile(lambda obj: obj["id"] != before, kept))
        return earlier[-limit:], len(earlier) > limit
    if after:
        kept = islice(dropwhile(lambda obj: obj["id"] != after, kept), 1, None)
    chosen = list(islice(kept, limit + 1))
    return chosen[:limit], len(chosen) > limit


def _limit(call: Call) -> int:
    limit: int = call.sent("limit", DEFAULT_LIMIT)
    if 1 <= limit <= MAX_LIMIT:
        return limit
    bound = "greater than or equal to 1" if limit < 1 else f"less than or equal to {MAX_LIMIT}"
    raise Refusal(f"This value must be {bound}.", code="parameter_invalid_integer", param="limit")


def _within(created: Any) -> Callable[[Seen], bool]:
    """The filter `created=ts` or `created[gte]=ts`."""
    if created is None:
        return lambda _: True
    if isinstance(created, int):
        return lambda obj: instant_of(obj) == created
    return within(created, instant_of)


def instant_of(obj: Seen) -> int:
    """When an object was created; an invoice item calls it `date`."""
    instant: int = obj["created"] if "created" in obj else obj["date"]
    return instant


def within(bounds: dict[str, int], field: Callable[[Seen], int | None]) -> Callable[[Seen], bool]:
    """A filter by gt, gte, lt and lte on some instant of an object."""

    def keep(obj: Seen) -> bool:
        value = field(obj)
        if value is None:
            return False
        return (
            value > bounds.get("gt", value - 1)
            and value >= bounds.get("gte", value)
            and value < bounds.get("lt", value + 1)
            and value <= bounds.get("lte", value)
        )

    return keep
