"""Is this database the one that wrote to the payment provider last?

A database that was restored from a backup, or cloned, does not know what was sent since, and would
send it again. So every installation leaves a word at the provider, another one each hour, and
keeps it. A word there that is none of ours was left by somebody else: by this installation before
it was restored, or by a copy of it. The sender is shut then, and stays shut until a reconciliation
has read what the provider holds (`tallygate reconcile --adopt --commit`).
"""

import logging
from datetime import timedelta

from tallygate.adapters.store import Transaction, provider_state
from tallygate.adapters.store import installation as installations
from tallygate.collection.provider import Books
from tallygate.core.errors import Conflict
from tallygate.core.failpoints import failpoint
from tallygate.core.period import instant_text, parse_instant
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirror.identity import identity_of

RENEWED_EVERY = timedelta(hours=1)
RENEWED_AT = "witness_renewed_at"
WORD_BITS = 64
KEPT_BESIDE = 4
"""So many words are kept beside the one that is there and the one that is left."""

log = logging.getLogger("tallygate.mirror")


def watch(installation: Installation, books: Books) -> bool:
    """Make sure that nobody else has written there, and leave another word from time to time.

    Gives whether the sender is open.
    """
    identity_of(installation)
    there = books.witness()
    while True:
        with installation.store.read() as tx:
            if not installations.sender_is_open(tx):
                return False
            kept = _words(tx)
            renewed = provider_state.get(tx, RENEWED_AT)
        if there is None or there in kept:
            break
        # A word is kept before it is left, and until another one is there: what is still there
        # now, and was not among those kept a moment ago, no other worker of ours has left.
        again = books.witness()
        if again == there:
            _shut(installation)
            return False
        there = again
    now = installation.now
    if renewed is None or there is None or now - parse_instant(renewed) >= RENEWED_EVERY:
        renew(installation, books, there)
    return True


def renew(installation: Installation, books: Books, there: str | None) -> None:
    """Leave another word there. Both are kept until it is known which of them is there.

    Words that other workers of this installation are leaving at the same time are kept too.
    """
    identity = identity_of(installation)
    word = f"{identity.id}:{identity.epoch}:{installation.random_bits(WORD_BITS):016x}"
    with installation.store.write() as tx:
        kept = [one for one in _words(tx) if one != there][-KEPT_BESIDE:]
        installations.note_witness(tx, " ".join(filter(None, [*kept, there, word])))
    failpoint("witness.leave.before")
    books.leave_witness(word)
    failpoint("witness.leave.after")
    with installation.store.write() as tx:
        installations.note_witness(tx, " ".join(one for one in _words(tx) if one != there))
        provider_state.put(tx, RENEWED_AT, instant_text(installation.now))


def _words(tx: Transaction) -> list[str]:
    return (installations.witness(tx) or "").split()


def refuse_where_shut(installation: Installation) -> None:
    """Let nothing go out after a restore or a clone, until what the provider holds was read.

    Raises:
        Conflict: the sender is shut (code `sender_shut`).
    """
    with installation.store.read() as tx:
        check_open(tx)


def check_open(tx: Transaction) -> None:
    """The same, within a transaction.

    Raises:
        Conflict: the sender is shut (code `sender_shut`).
    """
    if installations.sender_is_open(tx):
        return
    raise Conflict(
        "The sender is shut, because this database was restored or cloned: run "
        "`tallygate reconcile --adopt --commit`, which reads what the provider holds first.",
        code="sender_shut",
    )


def _shut(installation: Installation) -> None:
    with installation.store.write() as tx:
        installations.shut_sender(tx)
    log.error(
        "Somebody else has written to the payment provider in the name of this installation: this "
        "database was restored or cloned. Nothing is sent until `tallygate reconcile --adopt "
        "--commit` has read what the provider holds."
    )
