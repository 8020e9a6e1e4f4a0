"""What touches the world: the database, providers, infrastructure, mail.

Owns: every library that does I/O, each in a room of its own.

Does not own: any rule of billing, and any choice between adapters: `app.py` makes it.

Laws: siblings here are strangers to each other; workflows are handed an adapter and import none
but the store.
"""
