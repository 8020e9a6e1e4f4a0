"""How do files of usage come in, and what has been used?"""

from pathlib import Path
from typing import Annotated

import typer

from tallygate.interfaces.cli import screen

HELP = "Import usage from files and report it."
COMMANDS = {}
