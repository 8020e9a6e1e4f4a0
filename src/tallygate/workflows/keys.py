"""How are API keys made, recognized and taken back?

A key is shown once, when it is made. A tenant's key acts for the tenant; the platform's own for
all.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from tallygate.adapters.store import Transaction, accounts, keys
from tallygate.adapters.store import installation as installations
from tallygate.core.errors import Forbidden, Invalid, Unauthenticated
from tallygate.core.failpoints import failpoint
from tallygate.core.keys import (
    RANDOM_BITS,
    SCOPES,
    TAIL,
    ApiKey,
    compose_key,
    digest_key,
    is_key,
)
from tallygate.core.period import instant_text
from tallygate.workflows.installation import Installation

INGEST_ONLY = ("ingest",)
MAX_NAME = 200
MAX_REMEMBERED = 1000
REMEMBERED_FOR = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was made a moment ago. `text` is the key itself, and is kept nowhere."""

    key: ApiKey
    text: str = field(repr=False)


def create_key(
    installation: Installation,
    *,
    organization: str | None,
    scopes: Iterable[str] = INGEST_ONLY,
    name: str = "",
    expires_at: datetime | None = None,
    tenant: str | None = None,
    maker: str | None = None,
) -> NewKey:
    """Make a key for an organization, or (None) for the platform itself.

    A tenant's key that makes it (`maker`, by its id) gives at most what it has itself: its own
    scopes, until its own end.

    Raises:
        Forbidden: the maker has not a scope, or ends earlier.
        Invalid: a scope is unknown, the name has another form, or it would have ended already.
        NotFound: the tenant has no such organization.
    """
    wanted = frozenset(scopes)
    if not wanted or not wanted <= set(SCOPES):
        raise Invalid(f"A key has scopes out of {', '.join(SCOPES)}.", param="scopes")
    if len(name) > MAX_NAME or not name.isprintable():
        raise Invalid(f"name has at most {MAX_NAME} printable characters.", param="name")
    now = installation.now
    if expires_at is not None and expires_at <= now:
        raise Invalid("expires_at must lie in the future.", param="expires_at")
    text = compose_key(installation.random_bits(RANDOM_BITS))
    key = ApiKey(
        installation.ids.new("key"), organization, name, wanted, text[-TAIL:], now, expires_at
    )
    with installation.store.write() as tx:
        if organization is not None:
            accounts.get_organization(tx, organization, tenant)
        if maker is not None:
            key = _within(key, keys.get_key(tx, maker, tenant))
        keys.save_key(tx, key, digest_key(text, _made_secret(tx, installation)))
        failpoint("key.commit.before")
    return NewKey(key, text)


def _within(key: ApiKey, maker: ApiKey) -> ApiKey:
    """The new key, if its maker may give as much; where no end was said, it ends with its maker.

    Raises:
        Forbidden: the maker has not a scope, or ends earlier.
    """
    own = [scope for scope in SCOPES if maker.has(scope)]
    lacking = [scope for scope in SCOPES if scope in key.scopes and scope not in own]
    if lacking:
        raise Forbidden(
            f"This API key cannot give the scope {lacking[0]!r}, which it has not itself: ask for "
            f"scopes out of {', '.join(own)}, or let the platform create the key.",
            code="missing_scope",
        )
    if maker.expires_at is None:
        return key
    if key.expires_at is not None and key.expires_at > maker.expires_at:
        raise Forbidden(
            f"This API key ends at {instant_text(maker.expires_at)}, and what it makes cannot "
            "outlive it: name an earlier expires_at, or let the platform create the key.",
            code="outlives_maker",
        )
    return replace(key, expires_at=key.expires_at or maker.expires_at)


def revoke_key(installation: Installation, key_id: str, *, tenant: str | None = None) -> ApiKey:
    """Take a key back. One that was taken back stays so; a `KeyRing` forgets it within a second.

    Raises:
        NotFound: the tenant has no such key.
    """
    now = installation.now
    with installation.store.write() as tx:
        key = keys.get_key(tx, key_id, tenant)
        if key.revoked_at is not None:
            return key
        keys.end_key(tx, key.id, now)
        failpoint("key.commit.before")
    return replace(key, revoked_at=now)


def recognize_key(installation: Installation, text: str) -> ApiKey:
    """The key behind its text, if it opens anything now.

    Raises:
        Unauthenticated: it does not. The sentence is the same for a key that never was, one that
            was revoked and one that has expired.
    """
    if is_key(text):
        with installation.store.read() as tx:
            secret = _secret(tx, installation)
            key = None if secret is None else keys.find_key(tx, digest_key(text, secret))
        if key is not None and key.is_live(installation.now):
            return key
    raise Unauthenticated("This API key is not valid: it may be mistyped, revoked or expired.")


class KeyRing:
    """Recognizes keys, and remembers for a second those that it has seen.

    So a sender of many small requests costs one look into the database per second, and a key that
    is revoked is dead a second later. Several threads may share one.
    """

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._seen: dict[str, tuple[datetime, ApiKey]] = {}

    def recognize(self, text: str) -> ApiKey:
        """The key behind its text, if it opens anything now.

        Raises:
            Unauthenticated: it does not.
        """
        now = self._installation.now
        seen = self._seen.get(text)
        if seen is not None and now - seen[0] < REMEMBERED_FOR and seen[1].is_live(now):
            return seen[1]
        key = recognize_key(self._installation, text)
        if len(self._seen) >= MAX_REMEMBERED:
            self._seen.clear()
        self._seen[text] = (now, key)
        return key


def _secret(tx: Transaction, installation: Installation) -> str | None:
    if installation.settings.secret:
        return installation.settings.secret
    identity = installations.identity(tx)
    return None if identity is None else identity.secret


def _made_secret(tx: Transaction, installation: Installation) -> str:
    secret = _secret(tx, installation)
    if secret is not None:
        return secret
    made = f"{installation.random_bits(RANDOM_BITS):064x}"
    name = installation.ids.new("ins")
    return installations.found_installation(tx, name, made, installation.now).secret
