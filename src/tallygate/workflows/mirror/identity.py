"""Who is this installation, for a payment provider that may know several?"""

from tallygate.adapters.store import installation as installations
from tallygate.adapters.store.installation import Identity
from tallygate.workflows.installation import Installation

SECRET_BITS = 256


def identity_of(installation: Installation) -> Identity:
    """The id and the epoch of this installation; they are made when they are first needed."""
    with installation.store.read() as tx:
        known = installations.identity(tx)
    if known is not None:
        return known
    with installation.store.write() as tx:
        known = installations.identity(tx)
        if known is not None:
            return known
        secret = f"{installation.random_bits(SECRET_BITS):064x}"
        name = installation.ids.new("ins")
        return installations.found_installation(tx, name, secret, installation.now)
