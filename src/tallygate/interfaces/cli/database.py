"""How is the database brought to the tables of this version?"""

from tallygate.interfaces.cli import screen

HELP = "Look after the database."


def upgrade() -> None:
    """Bring the database's tables up to date."""
    from tallygate.adapters.store import migrate, open_store
    from tallygate.config import load_config

    store = open_store(load_config().database_url.get_secret_value())
    try:
        done = migrate(store)
    finally:
        store.close()
    if done:
        screen.out(f"Ran {len(done)} migration{'s' if len(done) > 1 else ''}: {', '.join(done)}.")
    else:
        screen.out("The tables are up to date.")


COMMANDS = {"upgrade": upgrade}
