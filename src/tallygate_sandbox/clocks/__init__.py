"""Stripe's test clocks: a timeline of its own for up to three customers and all that they have.

Owns: the clocks, how far they may go, and their advance.

Does not own: what becomes due, nor the event loop in which an advance takes place (control).

Laws: a clock goes forward only; what belongs to it cannot be changed while it advances.
"""

from tallygate_sandbox.clocks.clocks import advancing, play, refuse_changes

__all__ = ["advancing", "play", "refuse_changes"]
