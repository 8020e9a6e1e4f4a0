"""Who buys: customers, their tax ids and their balance.

Owns: customers, tax ids, balance transactions.

Does not own: payment methods (payments) and what a customer subscribes to.
"""

from tallygate_sandbox.customers import customers

__all__ = ["customers"]
