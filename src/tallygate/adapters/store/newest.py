"""When was something stored last?"""

from datetime import datetime

from sqlalchemy import func, select

from tallygate.adapters.store.engine import Transaction
from tallygate.adapters.store.tables.contracts import invoices
from tallygate.adapters.store.tables.usage import events
from tallygate.core.period import from_micros

# The log's last row, and not the greatest instant, which no index knows.
_EVENT = select(events.c.received_at).order_by(events.c.seq.desc()).limit(1)
_INVOICE = select(func.max(invoices.c.created_at))


def newest_moment(tx: Transaction) -> datetime | None:
    """When the last event came in or the last invoice was made; None before the first."""
    found = [tx.execute(asked).scalar() for asked in (_EVENT, _INVOICE)]
    stored = [micros for micros in found if micros is not None]
    return from_micros(max(stored)) if stored else None
