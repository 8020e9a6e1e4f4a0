"""For which person does a caller ask, and may that person do it?

The platform knows its people; a request that it makes for one of them says so in a header,
`Tallygate-Person`, and is then held to what that member may do, with an organization's key as with
the platform's own. The platform's key says beside it in whose organization
(`Tallygate-Organization`), and sees nothing else for that request.

A role in the organization counts for everything in it. A role in a project counts where the
request is about that project, or a resource in it; each route says which of its fields tells. A
route that does not say is not about a project.
"""

from dataclasses import replace
from typing import Any, NamedTuple

from starlette.requests import Request

from tallygate.accounts.rights import Right, may
from tallygate.adapters.store import Transaction, resources, subjects
from tallygate.core.errors import Invalid, NotFound
from tallygate.interfaces.api.callers import Caller
from tallygate.workflows.installation import Installation
from tallygate.workflows.members import standing_of

PERSON, ORGANIZATION = "Tallygate-Person", "Tallygate-Organization"
LONGEST = 200

HEADERS: tuple[dict[str, Any], ...] = (
    {
        "name": PERSON,
        "in": "header",
        "required": False,
        "description": (
            "The member for whom the request is made: it is held to what the member's role allows."
        ),
        "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST},
    },
    {
        "name": ORGANIZATION,
        "in": "header",
        "required": False,
        "description": (
            "With the platform's key, and a person: the organization, by our id or the platform's."
        ),
        "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST},
    },
)


class Asked(NamedTuple):
    """What a route asks of a person: a right, and the fields that tell which project it is about.

    Each of `about` is the name of a path parameter, a query parameter or a field of the body that
    holds the id of a project or of a resource, ours or the platform's own.
    """

    right: Right
    about: tuple[str, ...] = ()


def narrowed(installation: Installation, caller: Caller, request: Request) -> Caller:
    """The caller as the person for whom it asks; as it is, where it names nobody.

    Raises:
        Invalid: a name is malformed; the platform names a person without an organization, or an
            organization without a person.
        NotFound: there is no such organization for this caller.
    """
    person = _header(request, PERSON)
    named = _header(request, ORGANIZATION)
    if person is None:
        if named is not None:
            raise Invalid(
                f"{ORGANIZATION} goes with {PERSON}: say for whom you ask.", param=ORGANIZATION
            )
        return caller
    if named is None and caller.organization is None:
        raise Invalid(
            f"This API key is the platform's: say in {ORGANIZATION} in whose organization "
            f"{person} asks.",
            param=ORGANIZATION,
        )
    organization = caller.organization
    if named is not None:
        with installation.store.read() as tx:
            organization = _organization(tx, named, caller.organization)
    return replace(caller, organization=organization, person=person)


def require_right(
    installation: Installation, caller: Caller, asked: Asked, told: dict[str, object]
) -> None:
    """Refuse a person who may not do what a route does; a caller for nobody passes.

    `told` holds the request's parameters and the fields of its body.

    Raises:
        Forbidden: the person has not the right; the sentence says who has.
    """
    if caller.person is None:
        return
    assert caller.organization is not None, "a person asks in an organization"
    standing = standing_of(installation, caller.organization, caller.person)
    if may(standing.own, asked.right):
        return
    project = None
    if any(member.project is not None for member in standing.own):
        with installation.store.read() as tx:
            project = _project(tx, asked.about, told, caller.organization)
    standing.require(caller.person, asked.right, project)


def require_billing(installation: Installation, caller: Caller) -> None:
    """Refuse a person who may not say who pays.

    Raises:
        Forbidden: the person has not the right in the organization.
    """
    require_right(installation, caller, Asked("change_billing"), {})


def _header(request: Request, name: str) -> str | None:
    given = request.headers.getlist(name)
    if not given:
        return None
    try:
        text = given[0].encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    if len(given) > 1 or not text.strip() or len(text) > LONGEST or not text.isprintable():
        raise Invalid(f"{name} must be one printable text of 1 to {LONGEST} characters.")
    return text


def _organization(tx: Transaction, name: str, tenant: str | None) -> str:
    try:
        return subjects.resolve_subject(tx, name, tenant, "organization").id
    except NotFound:
        raise NotFound(f"There is no organization {name[:128]!r}.", param=ORGANIZATION) from None


def _project(
    tx: Transaction, about: tuple[str, ...], told: dict[str, object], organization: str
) -> str | None:
    """The one project that a request is about, if its fields name one and agree."""
    found: set[str | None] = set()
    for name in about:
        given = told.get(name)
        if isinstance(given, str):
            found.add(_home(tx, given, organization))
    return found.pop() if len(found) == 1 else None


def _home(tx: Transaction, name: str, organization: str) -> str | None:
    """The project that a name means, or the one of the resource that it means."""
    try:
        subject = subjects.resolve_subject(tx, name, organization)
    except NotFound:
        return None
    if subject.kind == "project":
        return subject.id
    if subject.kind == "resource":
        return resources.get_resource(tx, subject.id).project
    return None
