"""How does an invoice of ours become one that the provider collects?

Two keys: nothing goes out on which both sides do not agree to the cent. What differs stays where
it is, with every difference in a sentence, until an operator decides.
"""

import logging
from dataclasses import replace
from datetime import datetime, timedelta

from tallygate.adapters.store import Transaction, collections, notices
from tallygate.collection.collecting import Ready
from tallygate.collection.intents import ChangeFlats, Finalize, GiveCredit
from tallygate.collection.notices import invoice_held
from tallygate.collection.provider import Books
from tallygate.collection.records import Collected
from tallygate.collection.two_keys import differences, owed_there
from tallygate.core.errors import Refused
from tallygate.core.failpoints import failpoint
from tallygate.rating.words import amount_text
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirror.carry_out import Account, carry_out
from tallygate.workflows.mirror.dues import Due
from tallygate.workflows.mirror.sync import confirm_final, report_final

SOON = timedelta(minutes=1)
UNCONFIRMED_AGAIN = timedelta(hours=1)

log = logging.getLogger("tallygate.mirror")


def charge_change(
    installation: Installation, books: Books, account: Account, due: Due, exchange: ChangeFlats
) -> bool:
    """Have a plan change charged by the second there, if that comes to what it comes to here.

    Its invoice is final at birth, so it is compared before. Where the two differ, the flats are
    exchanged without proration, and ours is put on an invoice of its own.
    """
    foreseen = books.foresee_change(exchange)
    said = differences(due.invoice, due.representation, [foreseen])
    if said:
        log.warning(
            "The plan change %s is billed by us, because it would differ: %s",
            due.invoice.id,
            "; ".join(said),
        )
    carry_out(installation, books, account, replace(exchange, charged=not said))
    return True


def finish_draft(
    installation: Installation, books: Books, account: Account, due: Due, ready: Ready
) -> tuple[bool, datetime | None]:
    """Finalize drafts on which both sides agree; whether something moved, and when to look again.

    The final totals of usage are reported first, and have to be shown before anything is compared.
    """
    now, approved = installation.now, due.collected.approved
    if not _usage_is_confirmed(installation, books, due):
        if not approved and now - due.collected.since > installation.settings.hold:
            hours = installation.settings.hold // timedelta(hours=1)
            hold(installation, due, [f"its usage was not confirmed within {hours} hours"])
            return False, now + UNCONFIRMED_AGAIN
        if not approved:
            return False, now + SOON
    said = differences(due.invoice, due.representation, due.found)
    if said and not approved:
        hold(installation, due, said)
        return False, None
    unpaid = due.mirror is not None and due.mirror.status == "unpaid" and not due.alone
    failpoint("finalize.before")
    for draft in ready.drafts:
        carry_out(installation, books, account, Finalize(draft.id, advances=not unpaid))
    return True, None


def _usage_is_confirmed(installation: Installation, books: Books, due: Due) -> bool:
    """Report the final totals of an invoice's window; whether the provider shows all of them."""
    final = due.representation.totals
    if not final:
        return True
    report_final(installation, books, due.invoice, final)
    return not confirm_final(installation, books, due.invoice, final)


def give_credit(
    installation: Installation, books: Books, account: Account, due: Due, credit: GiveCredit
) -> bool:
    """Give back what an invoice of ours comes to below zero, on the one that it corrects.

    What the provider refuses, an operator decides on.
    """
    try:
        answer = carry_out(installation, books, account, credit)
    except Refused as refusal:
        hold(installation, due, [f"the credit on {credit.corrects} is refused: {refusal}"])
        return False
    now = installation.now
    given = replace(
        due.collected, state="paid", since=now, paid_at=now, provider_invoices=(answer,)
    )
    with installation.store.write() as tx:
        collections.save(tx, given)
        failpoint("credit.commit.before")
    failpoint("credit.commit.after")
    return True


def nothing_to_collect(installation: Installation, due: Due) -> bool:
    """Note that an invoice comes to nothing, or that what it gives back has no place to go."""
    owed = owed_there(due.invoice, due.representation)
    if owed < 0:
        amount = amount_text(-owed, due.invoice.currency)
        hold(installation, due, [f"{amount} is to be given back, and no invoice there takes it"])
        return False
    with installation.store.write() as tx:
        collections.save(tx, replace(due.collected, state="nothing", since=installation.now))
    return True


def credited_on(tx: Transaction, due: Due) -> str | None:
    """The provider's invoice that a sum below zero is given back on, if there is one.

    It is the one that is corrected, else the latest one, and none that comes to less than the sum.
    """
    sum_back = -owed_there(due.invoice, due.representation)
    if sum_back <= 0:
        return None
    corrected = [collections.get(tx, line.corrects) for line in due.invoice.lines if line.corrects]
    others = collections.of_account(tx, due.invoice.billing_account, {"paid", "open"})
    known = [one for one in (*others, *corrected) if one is not None and one.total >= sum_back]
    return next((_last_invoice(one) for one in reversed(known) if _last_invoice(one)), None)


def hold(installation: Installation, due: Due, said: list[str] | tuple[str, ...]) -> None:
    """Leave a draft where it is, and tell the operator in what the two differ."""
    before = due.collected
    if before.state == "held" and before.differences == tuple(said):
        return
    now = installation.now
    with installation.store.write() as tx:
        collections.save(tx, replace(before, state="held", since=now, differences=tuple(said)))
        notices.queue(tx, invoice_held(before, said, installation.ids.new, now))
    log.warning("The invoice %s is held: %s.", before.invoice, "; ".join(said))


def _last_invoice(collected: Collected) -> str | None:
    """The provider's invoice that ours stands on; credit notes are none."""
    return next((id_ for id_ in reversed(collected.provider_invoices) if id_[:3] == "in_"), None)
