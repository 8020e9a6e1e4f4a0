"""What is run by `python -m tallygate.adapters.store.migrations NAME`? It writes a migration."""

import sys

from tallygate.adapters.store.migrations import write

if len(sys.argv) != 2:
    sys.exit("Name what changes: make migrate NAME=what_changes")
sys.stdout.write(f"{write(sys.argv[1])}\n")
