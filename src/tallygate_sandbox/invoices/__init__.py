"""What is owed: drafts and their lines, finalization, payment, credit notes.

Owns: invoices, their lines, invoice items, invoice payments, credit notes, the hour of grace, the
retries and when they are over.

Does not own: why something is owed (subscriptions) and how a card is charged (payments). Before it
finalizes it plays `invoice.finalizing`, after the last retry `invoice.dunning_exhausted`.

Laws: only a draft's amounts change; finalized is numbered; what is paid, void or deleted is so for
good; a line is rounded once and the parts of a discount sum to it.
"""

from tallygate_sandbox.invoices import (
    credit_note_calls,
    dunning,
    invoice_calls,
    item_calls,
    line_calls,
)
from tallygate_sandbox.invoices.collection import attempt_payment
from tallygate_sandbox.invoices.drafts import create_draft, preview_of, replace_lines
from tallygate_sandbox.invoices.endings import mark_uncollectible, void
from tallygate_sandbox.invoices.finalization import finalize
from tallygate_sandbox.invoices.invoice import lines_of
from tallygate_sandbox.invoices.items import add_item, pending_items
from tallygate_sandbox.invoices.lines import NewLine

__all__ = [
    "NewLine",
    "add_item",
    "attempt_payment",
    "create_draft",
    "credit_note_calls",
    "dunning",
    "finalize",
    "invoice_calls",
    "item_calls",
    "line_calls",
    "lines_of",
    "mark_uncollectible",
    "pending_items",
    "preview_of",
    "replace_lines",
    "void",
]
