"""Prepaid and given credit that pays metered lines.

Owns: credit grants, their ledger of transactions, the balance, and how credit is applied.

Does not own: invoices (above), which say when to apply and when to restore.

Law: a grant's balance is the sum of its transactions and never below zero.
"""

from tallygate_sandbox.credits import balance
from tallygate_sandbox.credits.application import apply, restore

__all__ = ["apply", "balance", "restore"]
