"""How is a long list read? In pages, by the id that the last one ended with.

Ids rise with creation, so a list sorted by id is stable: what is created while one reads comes at
the end.
"""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Annotated, Any, TypeVar

from fastapi import Query

from tallygate.adapters.store import Transaction
from tallygate.adapters.store.subjects import SubjectKind, resolve_subject
from tallygate.core.errors import Invalid, NotFound
from tallygate.core.ids import is_ours
from tallygate.interfaces.api.wire import Page

Value = TypeVar("Value")
Item = TypeVar("Item")

DEFAULT_LIMIT = 20
MAX_LIMIT = 100

Limit = Annotated[
    int, Query(ge=1, le=MAX_LIMIT, description=f"How many at most: 1 to {MAX_LIMIT}.")
]
Cursor = Annotated[
    str | None,
    Query(max_length=200, description="The `next_cursor` of the page before.", examples=[None]),
]


def check_cursor(cursor: str | None, prefix: str) -> str | None:
    """The cursor, if it may be one of ours: an id, with the prefix of the list's things.

    Raises:
        Invalid: it has another shape.
    """
    if cursor is not None and not (is_ours(cursor) and cursor.startswith(f"{prefix}_")):
        raise Invalid("The cursor is not one that a page ended with.", param="cursor")
    return cursor


def by_external_id(
    tx: Transaction,
    external_id: str,
    kind: SubjectKind,
    tenant: str | None,
    get: Callable[[Transaction, str, str | None], Value],
) -> tuple[Value, ...]:
    """The one thing of a kind that carries the platform's own id, or nothing.

    Raises:
        Invalid: several organizations use the name, and the caller may see them all.
    """
    try:
        subject = resolve_subject(tx, external_id, tenant, kind)
    except NotFound:
        return ()
    return (get(tx, subject.id, subject.organization),)


def page(
    found: Sequence[Value],
    limit: int,
    shape: Callable[[Value], Item],
    cursor: Callable[[Value], str] = attrgetter("id"),
) -> Page[Any]:
    """A page out of `limit` + 1 values: the one too many only tells that there is more."""
    shown = found[:limit]
    more = len(found) > limit
    return Page[Any](
        data=[shape(value) for value in shown],
        has_more=more,
        next_cursor=cursor(shown[-1]) if more else None,
    )
