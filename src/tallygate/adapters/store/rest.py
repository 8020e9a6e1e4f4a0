"""Does a connection that rested still live?"""

from time import monotonic
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry

REST_SECONDS = 1
"""After so long without use, a connection is asked whether it still lives."""

_RESTS_SINCE = "rests_since"


def ask_after_rest(engine: Engine) -> None:
    """Let a connection that nobody used for a while answer before it is used, or be replaced.

    One that was used a moment ago is as it was, nearly always; asking each time would cost every
    transaction a way to the database and back.
    """

    @event.listens_for(engine, "checkin")
    def _rest(_raw: object, record: ConnectionPoolEntry) -> None:
        record.info[_RESTS_SINCE] = monotonic()

    @event.listens_for(engine, "checkout")
    def _ask(raw: Any, record: ConnectionPoolEntry, _proxy: object) -> None:
        if monotonic() - record.info.get(_RESTS_SINCE, monotonic()) < REST_SECONDS:
            return
        try:
            engine.dialect.do_ping(raw)
        except engine.dialect.loaded_dbapi.Error:
            raise InvalidatePoolError from None
