"""Which API keys are there? A key is shown once, when it is made; here is only its hash."""

from typing import Any, Literal

from pydantic import Field

from tallygate.adapters.store import keys
from tallygate.core.errors import Forbidden
from tallygate.core.keys import ApiKey
from tallygate.interfaces.api.callers import By, Here
from tallygate.interfaces.api.pages import DEFAULT_LIMIT, Cursor, Limit, check_cursor, page
from tallygate.interfaces.api.routes import MANAGES, MANAGES_ANEW, READS, guarded_router
from tallygate.interfaces.api.wire import Id, Instant, Page, Reference, Shape, Text
from tallygate.workflows import keys as workflow

router = guarded_router("/v1/keys", "keys")

SEES_KEYS: dict[str, Any] = {**READS, "x-right": "manage"}
_ONCE: dict[str, Any] = {**MANAGES_ANEW, "x-secret": "key"}

Scope = Literal["ingest", "read", "write"]


class NewKey(Shape):
    """A key for an organization, or, by the platform alone, one for the platform itself."""

    organization: Reference | None = None
    scopes: list[Scope] = Field(default=["ingest"], min_length=1, max_length=3)
    name: Text = ""
    expires_at: Instant | None = None


class KeyShape(Shape):
    """A key. `key` is its text, told in the answer to its creation and never again."""

    id: str
    object: Literal["key"] = "key"
    organization: str | None
    name: str
    scopes: list[Scope]
    tail: str = Field(description="Its last characters, to tell keys apart.")
    created_at: Instant
    expires_at: Instant | None
    revoked_at: Instant | None
    key: str | None = None


def shape(key: ApiKey, text: str | None = None) -> KeyShape:
    """A key on the wire."""
    return KeyShape(
        id=key.id,
        organization=key.organization,
        name=key.name,
        scopes=[scope for scope in ("ingest", "read", "write") if scope in key.scopes],
        tail=key.tail,
        created_at=key.created_at,
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
        key=text,
    )


@router.post("", status_code=201, summary="Create an API key", openapi_extra=_ONCE)
def create_key(body: NewKey, here: Here, caller: By) -> KeyShape:
    """Without scopes the key can send events and nothing else. Its text is told here only.

    An organization's key gives at most its own scopes, until its own end.
    """
    made = workflow.create_key(
        here,
        organization=caller.tenant(body.organization),
        scopes=body.scopes,
        name=body.name,
        expires_at=body.expires_at,
        tenant=caller.organization,
        maker=None if caller.is_platform else caller.key,
    )
    return shape(made.key, made.text)


@router.get("", summary="List API keys", openapi_extra=SEES_KEYS)
def list_keys(
    here: Here,
    caller: By,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    organization: Reference | None = None,
) -> Page[KeyShape]:
    """In the order of their making, revoked ones too."""
    tenant = caller.tenant(organization)
    with here.store.read() as tx:
        found = keys.list_keys(tx, tenant, check_cursor(cursor, "key"), limit + 1)
    return page(found, limit, shape)


@router.get("/{key}", summary="Read an API key", openapi_extra=SEES_KEYS)
def get_key(key: Id, here: Here, caller: By) -> KeyShape:
    """One key, by its id."""
    with here.store.read() as tx:
        return shape(keys.get_key(tx, key, caller.tenant()))


@router.delete("/{key}", summary="Revoke an API key", openapi_extra=MANAGES)
def revoke_key(key: Id, here: Here, caller: By) -> KeyShape:
    """It opens nothing any more within a second."""
    if key == caller.key:
        raise Forbidden("A key cannot revoke itself: use another one.", code="own_key")
    return shape(workflow.revoke_key(here, key, tenant=caller.tenant()))
