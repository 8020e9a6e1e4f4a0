"""What will be billed, what has been billed, and why?"""

HELP = "Preview, close and explain invoices."
COMMANDS = {}
