"""What Stripe's protocol says in bytes.

Owns: forms with brackets, the shapes of parameters as the official SDK types them, the check of a
request against its shape, and the refusals.

Does not own: objects and what happens to them.
"""
