"""How does what the payment provider tells by webhook get in?

Its signature is verified over the raw bytes, then it is stored under its id, and only then is it
answered; what it means is found out later. So nothing that was answered is lost, an answer takes
milliseconds, and neither repetitions nor their order matter: a webhook is a hint to look.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Protocol

from tallygate.adapters.store import inbox
from tallygate.adapters.store.inbox import NewHint
from tallygate.core.failpoints import failpoint
from tallygate.workflows.installation import Installation


class Envelope(Protocol):
    """What an event of the provider's says of itself, and whether we may settle it."""

    @property
    def id(self) -> str:
        """The provider's id of it."""
        ...

    @property
    def type(self) -> str:
        """What happened, in the provider's words."""
        ...

    @property
    def thin(self) -> bool:
        """Whether it names what changed without showing it."""
        ...

    @property
    def created(self) -> datetime:
        """When it happened, by the provider's clock."""
        ...

    @property
    def api_version(self) -> str | None:
        """The version whose fields it has, where it has any."""
        ...

    @property
    def state(self) -> Literal["waiting", "foreign", "other_version"]:
        """`waiting`, unless it is of another account or mode, or of another version."""
        ...


class Verifier(Protocol):
    """Knows the provider's signatures."""

    def open(self, signature: str, body: bytes, at: datetime) -> Envelope:
        """The envelope of what came with this signature.

        Raises:
            Invalid: the provider did not send it, or not now, or it is no event.
        """
        ...


def receive(installation: Installation, verifier: Verifier, signature: str, body: bytes) -> bool:
    """Take in one webhook; whether it is new. Once this returns, it is on disk.

    Raises:
        Invalid: the provider did not send it; nothing was stored.
        Unreachable: the database did not answer; the provider will send it again.
    """
    [new] = keep(installation, [verify(installation, verifier, signature, body)])
    return new


def verify(installation: Installation, verifier: Verifier, signature: str, body: bytes) -> NewHint:
    """The hint in a webhook that the provider has signed; nothing is stored yet.

    Raises:
        Invalid: the provider did not send it.
    """
    at = installation.now
    found = verifier.open(signature, body, at)
    return NewHint(
        id=found.id,
        type=found.type,
        thin=found.thin,
        created=found.created,
        api_version=found.api_version,
        received_at=at,
        state=found.state,
        body=body,
    )


def keep(installation: Installation, hints: Sequence[NewHint]) -> list[bool]:
    """Store hints that came together; whether each is new.

    Raises:
        Unreachable: the database did not answer; nothing was stored, or it may be stored again.
    """
    with installation.store.append() as tx:
        failpoint("receive.commit.before")
        new = inbox.keep(tx, hints)
    failpoint("receive.commit.after")
    return new
