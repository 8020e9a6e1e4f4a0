"""The signing secrets of an endpoint: one, or while it is rotated two."""

from tallygate_sandbox.world import Obj, Seen, World

BOTH_SECONDS = 24 * 3600  # the longest for which Stripe lets the old one live on


def new_secret(world: World) -> str:
    return "whsec_" + world.ids.token(32)


def valid(endpoint: Seen, now: int) -> list[str]:
    """The secrets that sign at an instant, the newest first."""
    return [
        one["secret"] for one in endpoint["_secrets"] if one["until"] is None or one["until"] > now
    ]


def rotate(world: World, endpoint: Obj, seconds: int) -> str:
    """Give an endpoint a new secret; the old one signs on for some seconds."""
    now = world.now()
    secret = new_secret(world)
    kept = [one | {"until": one["until"] or now + seconds} for one in endpoint["_secrets"]]
    endpoint["_secrets"] = [{"secret": secret, "until": None}, *kept]
    return secret
