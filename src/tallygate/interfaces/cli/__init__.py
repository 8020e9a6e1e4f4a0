"""How does an operator speak with Tallygate from a terminal?

Owns: the commands, their options, what they print, their exit codes.

Does not own: anything that a command does: each translates its words, calls a workflow, prints.

Laws: an error is one clear sentence on stderr. Exit codes: 0 done, 1 failed, 2 wrong usage or
changes pending, 3 done in part. What changes an invoice is a dry run until `--commit`. Reading
commands take `--json`. `--help` loads nothing that it does not need.
"""

from tallygate.interfaces.cli.root import main

__all__ = ["main"]
