"""How are API keys made and taken back?"""

HELP = "Create and revoke API keys."
COMMANDS = {}
