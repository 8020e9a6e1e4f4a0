"""Who buys: customers, their tax ids and their balance.

Owns: customers, tax ids, where a customer is for taxes and what the account collects there, what
moves a customer's balance.

Does not own: payment methods (payments) and what a customer subscribes to.

Laws: a deleted customer stays as the shell that its invoices name, and `existing` refuses it; a
balance changes only together with the transaction that says why.
"""

from tallygate_sandbox.customers import balance, customers, tax_ids, taxation
from tallygate_sandbox.customers.balance import move as move_balance
from tallygate_sandbox.customers.customers import existing

__all__ = ["balance", "customers", "existing", "move_balance", "tax_ids", "taxation"]
