"""How does the outside speak with Tallygate?

Owns: the translation of an outside voice (HTTP, a terminal) into the call of a workflow, and of
its answer into what that voice understands; status codes, exit codes, wire shapes.

Does not own: rules, transactions, SQL.

Laws: an interface translates, calls, answers. A tenant sees its own.
"""
