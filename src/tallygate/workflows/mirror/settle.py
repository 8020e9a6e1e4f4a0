"""What do the payment provider's hints mean?

That something about a customer has changed, and no more: its billing account is marked, and the
look that follows says what. So hints may come twice, late and in any order, and many of them cost
one look. A hint about a customer that we do not know is noted as foreign and has no effect, but
for a checkout that a payment link has sold: that is how somebody becomes a customer.
"""

import logging
from typing import Any

import msgspec

from tallygate.adapters.store import attention, customers, inbox, provider_state
from tallygate.adapters.store.inbox import Hint, NewHint
from tallygate.collection.provider import Books
from tallygate.core.errors import Refused, Unreachable
from tallygate.core.failpoints import failpoint
from tallygate.core.period import instant_text, parse_instant
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirror.sync import note_failures
from tallygate.workflows.mirror.welcome import welcome

MOST = 500
CURSOR = "events_seen_until"
METER_PROBLEMS = frozenset(
    ("v1.billing.meter.error_report_triggered", "v1.billing.meter.no_meter_found")
)
SOLD = frozenset(("checkout.session.completed", "checkout.session.async_payment_succeeded"))

log = logging.getLogger("tallygate.mirror")


class _Object(msgspec.Struct):
    id: str = ""
    object: str = ""
    customer: str | dict[str, Any] | None = None
    payment_link: str | None = None


class _Data(msgspec.Struct):
    object: _Object = msgspec.field(default_factory=_Object)


class _Told(msgspec.Struct):
    data: _Data = msgspec.field(default_factory=_Data)


_decode = msgspec.json.Decoder(_Told).decode


def settle_due(installation: Installation, books: Books, most: int = MOST) -> int:
    """Settle the hints that wait, the oldest first; gives how many."""
    with installation.store.read() as tx:
        hints = inbox.waiting(tx, most)
    if not hints:
        return 0
    looked = {hint.id: _look_behind(installation, books, hint) for hint in hints}
    problems = {id_: problem for id_, problem in looked.items() if problem is not None}
    told = {hint.id: _customer(hint) for hint in hints}
    with installation.store.write() as tx:
        known = customers.accounts_of(tx, {one for one in told.values() if one is not None})
        marked = {account: organization for organization, account in known.values()}
        attention.mark_many(tx, marked, installation.now, "hint")
        foreign = {id_ for id_, who in told.items() if who is not None and who not in known}
        inbox.settle(tx, told, installation.now, foreign=foreign, problems=problems)
        failpoint("settle.commit.before")
    failpoint("settle.commit.after")
    return len(hints)


def poll(installation: Installation, books: Books) -> int:
    """Take in the events that the provider lists and that no webhook has told; gives how many.

    The list reaches 30 days back. What was seen last is seen again, because events may be listed
    a little later than they happened.
    """
    with installation.store.read() as tx:
        kept = provider_state.get(tx, CURSOR)
    if kept is None:
        _keep_cursor(installation, instant_text(installation.now))
        return 0
    since = parse_instant(kept)
    happened = books.happened(since.replace(microsecond=0))
    now = installation.now
    hints = [
        NewHint(
            id=one.id,
            type=one.type,
            thin=False,
            created=one.created,
            api_version=one.api_version,
            received_at=now,
            state="waiting",
            body=one.body,
        )
        for one in happened
    ]
    with installation.store.write() as tx:
        new = inbox.keep(tx, hints) if hints else []
    latest = max((one.created for one in happened), default=since)
    if latest > since:
        _keep_cursor(installation, instant_text(latest))
    return sum(new)


def _keep_cursor(installation: Installation, until: str) -> None:
    with installation.store.write() as tx:
        provider_state.put(tx, CURSOR, until)


def _look_behind(installation: Installation, books: Books, hint: Hint) -> str | None:
    """What a hint asks for beside a look at its customer; gives what stands in the way of it.

    A hint that cannot be settled must not keep the others from it.
    """
    try:
        if hint.type in METER_PROBLEMS:
            note_failures(installation, books.failures(hint.id))
        elif hint.type in SOLD and _read(hint).payment_link is not None:
            welcome(installation, books, books.session(_read(hint).id))
    except Refused as refusal:
        log.warning("The event %s (%s) leads to nothing: %s", hint.id, hint.type, refusal)
        return str(refusal)
    except Unreachable:
        raise
    except Exception as mistake:
        log.exception("The event %s (%s) broke off by a mistake of ours.", hint.id, hint.type)
        return f"A mistake of ours: {mistake!r}"
    return None


def _customer(hint: Hint) -> str | None:
    """The customer that a hint is about; None: it is about none."""
    told = _read(hint)
    if told.object == "customer":
        return told.id
    if isinstance(told.customer, dict):
        return str(told.customer.get("id", ""))
    return told.customer


def _read(hint: Hint) -> _Object:
    try:
        return _decode(hint.body).data.object
    except msgspec.DecodeError:
        return _Object()  # it may be of another shape: then it is about nobody that we know
