"""All that the sandbox knows, and its time.

Owns: objects and the transaction in which they change, ids, the clock of the sandbox and the
timelines of test clocks, timers, the log of events, what reacts to an event or to a moment, and
the file.

Does not own: what any object means. The rooms above declare indexes, views, timers, reactions.

Laws: a transaction happens whole or not at all; `get` gives an object to read, `edit` the same one
to change; time never goes back.
"""

from tallygate_sandbox.world.clock import SandboxClock
from tallygate_sandbox.world.objects import Obj, Seen
from tallygate_sandbox.world.registry import due, index, view_of, when
from tallygate_sandbox.world.world import World

__all__ = ["Obj", "SandboxClock", "Seen", "World", "due", "index", "view_of", "when"]
