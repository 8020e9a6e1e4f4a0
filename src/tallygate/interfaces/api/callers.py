"""Who is asking, and what may they do?

A Bearer key belongs to one organization, which sees its own only, or to the platform, which sees
all. Its scopes say what it may do: `ingest` sends events, `read` looks, `write` changes (and
looks).
"""

import hmac
from dataclasses import dataclass, replace
from typing import Annotated, Any

from fastapi import Depends
from fastapi.security import HTTPBearer
from starlette.requests import Request

from tallygate.adapters.store import check_schema
from tallygate.core.errors import Forbidden, Invalid, NotFound, Unauthenticated
from tallygate.workflows.installation import Installation
from tallygate.workflows.keys import recognize_key

INGEST, READ, WRITE = "ingest", "read", "write"

bearer = HTTPBearer(
    auto_error=False,
    description="An API key, as `tallygate keys create` shows it once.",
)
"""Stands in the OpenAPI document; `authenticate` does the work."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever holds a key. `organization` is None for the platform itself.

    `person` is the member for whom it asks, where it says so (see `persons`). The platform asks
    for one within an `organization`; `is_platform` says that the key is the platform's still.
    """

    key: str
    organization: str | None
    scopes: frozenset[str]
    person: str | None = None
    is_platform: bool = False

    @property
    def actor(self) -> str:
        """Who it was, for the record: the person, else the key."""
        return self.person or self.key

    def require(self, scope: str) -> None:
        """Refuse a caller whose key has not this scope.

        Raises:
            Forbidden: the key lacks the scope.
        """
        if scope in self.scopes or (scope == READ and WRITE in self.scopes):
            return
        raise Forbidden(
            f"This API key has not the scope {scope!r}: it has {', '.join(sorted(self.scopes))}. "
            f"Create one with `tallygate keys create --scope {scope}`.",
            code="missing_scope",
        )

    def require_platform(self) -> None:
        """Refuse the key of an organization where only the platform may act.

        Raises:
            Forbidden: the key belongs to an organization.
        """
        if self.organization is not None:
            why = "the API key belongs to an organization"
            if self.is_platform:
                why = f"leave out for which person ({self.person}) you ask"
            raise Forbidden(f"This is the platform's to do: {why}.", code="platform_only")

    def tenant(self, organization: str | None = None) -> str | None:
        """Whose rows to ask for: the caller's own, or for the platform what it names, or all.

        Raises:
            NotFound: an organization's key names another organization.
        """
        if self.organization is None:
            return organization
        if organization not in {None, self.organization}:
            raise NotFound(f"There is no organization {organization}.", param="organization")
        return self.organization

    def one_tenant(self, organization: str | None) -> str:
        """The organization that something new belongs to.

        Raises:
            Invalid: the platform did not say which.
            NotFound: an organization's key names another organization.
        """
        tenant = self.tenant(organization)
        if tenant is None:
            raise Invalid(
                "Say which organization it belongs to: the API key is the platform's.",
                param="organization",
            )
        return tenant


class Door:
    """Knows the installation and lets callers in.

    `operator` is a token of this process alone, never stored: with it, the command line speaks to
    the application without a key.
    """

    def __init__(self, installation: Installation, operator: str | None = None) -> None:
        self.installation = installation
        self._operator = operator

    def authenticate(self, authorization: str | None) -> Caller:
        """The caller behind an `Authorization` header.

        Raises:
            Unauthenticated: there is no key, or none that is valid.
        """
        kind, _, token = (authorization or "").partition(" ")
        token = token.strip()
        if kind.lower() != "bearer" or not token:
            raise Unauthenticated("Send your API key as `Authorization: Bearer tg_...`.")
        if self._operator is not None and hmac.compare_digest(
            token.encode(), self._operator.encode()
        ):
            scopes = frozenset((INGEST, READ, WRITE))
            return Caller("operator", None, scopes, is_platform=True)
        return self._known(token)

    def check(self) -> None:
        """Make sure that the database answers and has this version's tables.

        Raises:
            Unreachable: it does not answer.
            Conflict: it has other tables.
        """
        check_schema(self.installation.store)

    def _known(self, token: str) -> Caller:
        key = recognize_key(self.installation, token)
        return Caller(key.id, key.organization, key.scopes, is_platform=key.organization is None)


async def _caller(request: Request) -> Any:
    return request.state.caller


async def _installation(request: Request) -> Any:
    return seen_by(request.app.state.door.installation, request.state.caller)


def seen_by(installation: Installation, caller: Caller) -> Installation:
    """The installation as a caller may use it: its transactions are for the caller's tenant.

    The platform's are for all tenants.
    """
    store = installation.store.of(caller.organization)
    return replace(installation, store=store)


By = Annotated[Caller, Depends(_caller)]
"""The caller, for a handler."""

Here = Annotated[Installation, Depends(_installation)]
"""The installation, for a handler; its transactions are for the caller's tenant."""
