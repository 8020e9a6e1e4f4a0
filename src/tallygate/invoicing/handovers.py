"""Which projects did the payer have for a part of the time only? An invoice says so on its lines.

So the two who share a project's period can each see why the quantity is what it is.
"""

from tallygate.core.period import Period, instant_text
from tallygate.invoicing.contract import Contract, Handover, Types

MOST_NAMED = 5


def handover_note(contract: Contract, types: Types | None, part: Period) -> str:
    """Since when, and until when, projects were paid for, in words; empty: all of the time."""
    found = contract.usage.handovers(types, part)
    told = "; ".join(_sentence(one, part) for one in found[:MOST_NAMED])
    more = len(found) - MOST_NAMED
    return told if more <= 0 else f"{told}; and {more} more projects for a part of the time"


def joined(*notes: str) -> str:
    """Some notes as one; those that say nothing are left out."""
    return "; ".join(filter(None, notes))


def _sentence(handover: Handover, part: Period) -> str:
    stays = " and ".join(_stay(stay, part) for stay in handover.paid)
    return f"project {handover.project} paid for {stays}"


def _stay(stay: Period, part: Period) -> str:
    since, until = f"from {instant_text(stay.start)}", f"until {instant_text(stay.end)}"
    if stay.end >= part.end:
        return f"{since} on"
    return until if stay.start <= part.start else f"{since} {until}"
