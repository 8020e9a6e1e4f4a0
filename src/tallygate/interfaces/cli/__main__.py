"""What does `python -m tallygate.interfaces.cli` do? The same as `tallygate`."""

from tallygate.interfaces.cli.root import main

main()
