"""How does the portal stand in the file?"""

from tallygate.catalog.model import Portal
from tallygate.catalog.places import Spot

PORTAL_KEYS = ("headline", "privacy_policy_url", "terms_of_service_url")


def read_portal(spot: Spot) -> Portal:
    """What the file says of the portal; what is left out, or has a problem, is not set."""
    found = spot.fields(PORTAL_KEYS) or {}
    return Portal(
        **{
            name: entry.text() if name == "headline" else entry.address()
            for name, entry in found.items()
        }
    )
