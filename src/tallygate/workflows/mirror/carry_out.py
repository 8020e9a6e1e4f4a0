"""How is an intent carried out at the payment provider, once, whatever happens on the way?

It is written down and committed before it is sent, under a key made of all that it says and of how
often the account has asked for the very same before. What came of it is written down after. A
process that dies between the two leaves a row that says `sent`: whoever comes next looks at the
provider first, and asks again only where nothing is there.

The same key is used again as long as no answer came, for the request may still be under way. The
number of the attempt rises where the provider has answered that it failed, which it would repeat
to the same key, and where it has forgotten the key.
"""

import hashlib
from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

import msgspec

from tallygate.adapters.store import Transaction, audit_log, outbox
from tallygate.adapters.store.audit_log import Entry
from tallygate.collection.intents import Intent
from tallygate.collection.provider import Books, FailedThere, Unanswered
from tallygate.collection.records import Written
from tallygate.core.errors import Refused, Unreachable
from tallygate.core.failpoints import failpoint
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirror.witness import refuse_where_shut

KEYS_KEPT = timedelta(hours=23)
"""Providers forget keys after about 24 hours."""

_encode = msgspec.json.Encoder(order="sorted", decimal_format="string").encode


class Account(NamedTuple):
    """A billing account, and whose it is."""

    id: str
    organization: str


def carry_out(installation: Installation, books: Books, account: Account, intent: Intent) -> str:
    """Have an intent carried out now; gives the id of what was made.

    Call it only where a look has shown that it has not been carried out.

    Raises:
        Conflict: the sender is shut; nothing was written.
        Refused: the provider refuses it, and will as long as nothing changes.
        Unreachable: it is unknown whether it was done (`Unanswered`), or it was not done now.
    """
    refuse_where_shut(installation)
    with installation.store.write() as tx:
        written = _to_be_sent(tx, installation, account, intent)
        failpoint("intent.commit.before")
    failpoint("intent.send.before")
    try:
        answer = books.carry_out(intent, written.key)
    except Unanswered as unknown:
        _note(installation, replace(written, problem=str(unknown)))
        raise
    except FailedThere as failure:
        again = replace(written, state="waiting", attempt=written.attempt + 1)
        _note(installation, replace(again, problem=str(failure)))
        raise
    except Refused as refusal:
        _note(installation, replace(written, state="refused", problem=str(refusal)))
        raise
    except Unreachable as later:
        _note(installation, replace(written, state="waiting", problem=str(later)))
        raise
    failpoint("intent.send.after")
    _note(installation, replace(written, state="done", answer=answer, problem=None))
    failpoint("intent.done.after")
    return answer


def supersede(tx: Transaction, account: Account, wanted: Collection[Intent] = ()) -> None:
    """Note of earlier intents, whose outcome is not known, that a look has answered them.

    What they asked for is there, or is wanted no more: `wanted` are those that still are.
    """
    still = {(type(intent).__name__, _body(intent)) for intent in wanted}
    for written in outbox.unfinished(tx, account.id):
        if (written.kind, written.body) not in still:
            outbox.save(tx, replace(written, state="superseded"))


def _to_be_sent(
    tx: Transaction, installation: Installation, account: Account, intent: Intent
) -> Written:
    """The row of an intent that is about to be sent: a new one, or the one of before."""
    now, kind, body = installation.now, type(intent).__name__, _body(intent)
    unfinished = outbox.unfinished(tx, account.id)
    known = next((one for one in unfinished if (one.kind, one.body) == (kind, body)), None)
    if known is not None:
        forgotten = known.sent_at is not None and now - known.sent_at > KEYS_KEPT
        attempt = known.attempt + (known.state == "sent" and forgotten)
        again = replace(known, state="sent", attempt=attempt, sent_at=now)
        outbox.save(tx, again)
        return again
    before = outbox.finished_before(tx, account.id, kind, body)
    said = f"{kind}\n{body}\n{account.id}\n{before}"
    written = Written(
        id=installation.ids.new("int"),
        organization=account.organization,
        billing_account=account.id,
        kind=kind,
        identity=hashlib.sha256(said.encode()).hexdigest()[:40],
        body=body,
        sentence=str(intent),
        created_at=now,
        state="sent",
        sent_at=now,
    )
    outbox.write(tx, written)
    return written


def _note(installation: Installation, written: Written) -> None:
    """Keep what became of an intent, and put it into the record of all operations."""
    with installation.store.write() as tx:
        outbox.save(tx, written)
        audit_log.append(
            tx,
            Entry(
                at=installation.now,
                actor="mirror",
                operation=f"{written.kind}.{written.state}",
                subject=written.answer or written.billing_account,
                organization=written.organization,
                billing_account=written.billing_account,
                detail={
                    "intent": written.id,
                    "says": written.sentence,
                    "attempt": written.attempt,
                    "problem": written.problem,
                },
            ),
        )


def _body(intent: Intent) -> str:
    return _encode(intent).decode()
