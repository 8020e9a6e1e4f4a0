"""Who asks: every kind of key of tenant A's, the platform's, and those that open nothing.

A key of A's, or the platform's, may ask for a person, who is held to a role: in the organization,
or in the project that `Party.things` names. A person of B's has none in A.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Literal, NamedTuple

from tests.isolation.contract import Operation, Request
from tests.isolation.declared import ALSO, MACHINES_ALONE
from tests.isolation.parties import OPERATOR, ROLES, Party, Scene

from tallygate.accounts.model import Role
from tallygate.accounts.rights import RIGHTS

May = Callable[[Operation, Request], bool]
"""Whether an asker may do an operation, as far as its scope and its role tell."""

FORBIDDEN, UNPROCESSABLE = 403, 422


class Asker(NamedTuple):
    """One that asks.

    `whose` says what it may see: A's things, everybody's, nothing, or (a stranger in A) nothing of
    A's either. `person` is for whom it asks.
    """

    name: str
    whose: Literal["A", "all", "nothing", "stranger"]
    headers: Mapping[str, str]
    may: May
    person: str | None = None

    def refusal(self, operation: Operation) -> int:
        """How the asker is refused where it may not."""
        machines = self.person is not None and operation.name in MACHINES_ALONE
        return UNPROCESSABLE if machines else FORBIDDEN


def askers(scene: Scene) -> Iterator[Asker]:
    """Everybody who asks in the matrix."""
    for kind in ("ingest", "read", "write", "all"):
        yield Asker(f"A's key ({kind})", "A", _bearer(scene.a.keys[kind]), _with_scope(kind))
    yield Asker("the platform's key", "all", _bearer(OPERATOR), lambda *_: True)
    yield Asker("nobody", "nothing", {}, _nothing)
    yield Asker("A's revoked key", "nothing", _bearer(scene.a.keys["old"]), _nothing)
    yield Asker("a key that never was", "nothing", _bearer("tg_live_" + "0" * 60), _nothing)
    yield from persons(scene)


def persons(scene: Scene) -> Iterator[Asker]:
    """Those who ask for a person: of each role in A, and for one of B's."""
    own, platform = _bearer(scene.a.keys["all"]), _bearer(OPERATOR)
    inside = {**platform, "Tallygate-Organization": scene.a.id}
    for role in ROLES:
        person = scene.a.person(role)
        yield _person(f"A's {role}", "A", own, person, _with_role(role))
        person = scene.a.person(role, "project")
        yield _person(f"A's {role} in a project", "A", own, person, _in_project(role, scene.a))
    owner = scene.a.person("owner")
    yield _person("A's owner, by the platform", "A", inside, owner, _with_role("owner"))
    stranger = scene.b.person("owner")
    yield _person("B's owner, by A's key", "stranger", own, stranger, _never)
    yield _person("B's owner, by the platform", "stranger", inside, stranger, _never)


def _person(
    name: str,
    whose: Literal["A", "stranger"],
    headers: Mapping[str, str],
    person: str,
    may: May,
) -> Asker:
    return Asker(name, whose, {**headers, "Tallygate-Person": person}, may, person)


def _bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def _with_scope(kind: str) -> May:
    scopes = {"write": {"write", "read"}, "all": {"ingest", "read", "write"}}.get(kind, {kind})
    return lambda operation, _: operation.scope in scopes and not operation.platform


def _with_role(role: Role) -> May:
    def may(operation: Operation, request: Request) -> bool:
        if operation.platform or operation.name in MACHINES_ALONE:
            return False
        also = {ALSO.get((operation.name, name)) for name in request.ids} - {None}
        return {operation.right, *also} <= RIGHTS[role]

    return may


def _in_project(role: Role, party: Party) -> May:
    """A role in a project counts where the request is about that project and no other."""
    names = {*_names(party, "project"), *_names(party, "resource")}

    def may(operation: Operation, request: Request) -> bool:
        about = {request.ids[name] for name in operation.about if name in request.ids}
        return bool(about) and about <= names and _with_role(role)(operation, request)

    return may


def _names(party: Party, kind: str) -> set[str]:
    return {party.things[kind], party.aliases[kind], party.shared[kind]}


def _nothing(operation: Operation, _: Request) -> bool:
    return not operation.guarded


def _never(_: Operation, __: Request) -> bool:
    return False
