"""Every operation x every id that it takes x everybody who asks, with B's ids in A's hands.

Each function gives sentences: what was told, done or refused otherwise than it should be. An
isolated API gives none.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import NamedTuple

import httpx2
from tests.isolation.askers import FORBIDDEN, Asker, askers
from tests.isolation.contract import Operation, Parameter, Request
from tests.isolation.declared import ONE_OF, PLACES, PLATFORMS_TO_MAKE
from tests.isolation.parties import Party, Scene, Secrets, dump, secrets_of

Undone = Callable[[], AbstractContextManager[None]]
"""Makes a `with` block, at whose end the database is what it was at its start."""

Among = Callable[[Asker], bool]

NOBODY = "nobody-there"
ORGANIZATION = "Tallygate-Organization"
UNAUTHENTICATED, NOT_FOUND, CONFLICT = 401, 404, 409


class Attack(NamedTuple):
    """A request with ids of B's in it, and the same one with ids that never were."""

    where: str
    foreign: Request
    unknown: Request
    ids: tuple[str, ...]


def matrix(
    scene: Scene, operations: tuple[Operation, ...], among: Among = lambda _: True
) -> Iterator[str]:
    """What is wrong when each of A's askers, and nobody, uses B's ids.

    Only those are asked that are `among` the chosen.
    """
    secrets = secrets_of(scene.installation.store, scene.b, scene.a)
    mine = secrets_of(scene.installation.store, scene.a, scene.b)
    before = dump(scene.installation.store)
    asking = [one for one in askers(scene) if among(one)]
    for operation in operations:
        for asker in asking:
            match asker.whose:
                case "A":
                    for attack in attacks(operation, scene.a, scene.b, brief=bool(asker.person)):
                        yield from _foreign(scene, operation, asker, attack, secrets)
                    yield from _bare(scene, operation, asker, secrets)
                    yield from _places(scene, operation, asker, secrets)
                    yield from _elsewhere(scene, operation, asker, secrets)
                case "stranger":
                    yield from _strange(scene, operation, asker, mine)
                case "nothing":
                    yield from _closed(scene, operation, asker, secrets)
                case "all":
                    yield from _mixed(scene, operation, asker, secrets)
        after = dump(scene.installation.store)
        if after != before:
            changed = ", ".join(name for name in after if after[name] != before[name])
            yield f"{operation.title}: it wrote, into {changed}"
            before = after


def own(
    scene: Scene, operations: tuple[Operation, ...], undone: Undone, among: Among = lambda _: True
) -> Iterator[str]:
    """What is wrong when A's askers use A's own ids, and names that B uses, too.

    Without this the matrix could be empty because every request is malformed.
    """
    secrets = secrets_of(scene.installation.store, scene.b, scene.a)
    for operation in operations:
        for asker in filter(among, askers(scene)):
            if asker.whose == "all":
                yield from _narrowed(scene, operation, asker, secrets)
            if asker.whose != "A":
                continue
            for request in _own_requests(operation, scene.a):
                with undone():
                    answer = ask(scene, asker, request)
                yield from _told(f"{operation.title}, {asker.name}", secrets, request.text, answer)
                yield from _let_in(operation, asker, request, answer)
            for request in _shared_requests(operation, scene.a):
                with undone():
                    answer = ask(scene, asker, request)
                yield from _told(f"{operation.title}, {asker.name}", secrets, request.text, answer)


def attacks(
    operation: Operation, mine: Party, theirs: Party, *, brief: bool = False
) -> Iterator[Attack]:
    """Every request of an operation with one id of B's, or with B's alone.

    The brief ones have each id once, spelled as ours.
    """
    most = 1 if brief else None
    for one in operation.ids:
        for spelling in spellings(theirs, one.kind)[:most]:
            never = _never(spelling)
            yield Attack(
                f"B's {one.kind} as {one.name} ({one.place})",
                operation.asked(mine.things, {one: spelling}),
                operation.asked(mine.things, {one: never}),
                (spelling, never),
            )
        if len(operation.ids) > 1 and not brief:
            nobodys = {kind: _never(thing) for kind, thing in theirs.things.items()}
            yield Attack(
                f"B's {one.name} ({one.place}) among B's",
                operation.asked(theirs.things, {one: theirs.things[one.kind]}),
                operation.asked(nobodys, {one: nobodys[one.kind]}),
                (*theirs.things.values(), *nobodys.values()),
            )
    for place, (kind, _) in enumerate(operation.open_bodies):
        for spelling in spellings(theirs, kind)[:most]:
            never = _never(spelling)
            foreign, unknown = (
                list(operation.bodies(mine.things | {kind: one}))[place][1]
                for one in (spelling, never)
            )
            yield Attack(f"B's {kind} in the body", foreign, unknown, (spelling, never))


def spellings(party: Party, kind: str) -> list[str]:
    """A thing's id, and the platform's own."""
    return [party.things[kind], *([party.aliases[kind]] if kind in party.aliases else [])]


def ask(scene: Scene, asker: Asker, request: Request) -> httpx2.Response:
    """The answer to a request."""
    answer = scene.client.request(
        request.method,
        request.path,
        json=request.body,
        headers={**request.headers, **asker.headers},
    )
    assert answer.status_code < 500, f"{request}: {answer.text}"
    return answer


def _foreign(
    scene: Scene, operation: Operation, asker: Asker, attack: Attack, secrets: Secrets
) -> Iterator[str]:
    where = f"{operation.title}, {asker.name}, {attack.where}"
    answer, other = (ask(scene, asker, one) for one in (attack.foreign, attack.unknown))
    yield from _told(where, secrets, attack.foreign.text, answer)
    if _plain(answer, attack.ids) != _plain(other, attack.ids):
        yield (
            f"{where}: answered otherwise than for an id that never was: {answer.text} but "
            f"{other.text}"
        )
    if not operation.guarded:
        return
    if not asker.may(operation, attack.foreign):
        yield from _refused(where, operation, asker, answer)
    elif answer.status_code not in _denials(operation) and not _is_nothing(answer):
        yield f"{where}: found, and answered {answer.status_code}: {answer.text}"


def _bare(scene: Scene, operation: Operation, asker: Asker, secrets: Secrets) -> Iterator[str]:
    """Without any id of B's: what is read, or refused."""
    for request in _own_requests(operation, scene.a):
        able = asker.may(operation, request)
        if operation.method != "GET" and able:
            continue  # it would write, rightly: `own` shows it
        answer = ask(scene, asker, request)
        where = f"{operation.title}, {asker.name}, without ids of B's"
        yield from _told(where, secrets, request.text, answer)
        if operation.guarded and not able:
            yield from _refused(where, operation, asker, answer)


def _elsewhere(
    scene: Scene, operation: Operation, asker: Asker, secrets: Secrets
) -> Iterator[str]:
    """With A's key, a person asks in B."""
    if asker.person is None or ORGANIZATION in asker.headers or not operation.guarded:
        return
    request = operation.asked(scene.a.things, {})
    named, never = scene.b.id, _never(scene.b.id)
    there, nowhere = (
        ask(scene, asker._replace(headers={**asker.headers, ORGANIZATION: one}), request)
        for one in (named, never)
    )
    where = f"{operation.title}, {asker.name}, in B"
    if _plain(there, (named,)) != _plain(nowhere, (never,)):
        yield f"{where}: answered otherwise than for an id that never was: {there.text}"
    if there.status_code not in {NOT_FOUND, asker.refusal(operation)}:
        yield f"{where}: answered {there.status_code}: {there.text}"
    yield from _told(where, secrets, f"{request.text} {named}", there)


def _strange(scene: Scene, operation: Operation, asker: Asker, secrets: Secrets) -> Iterator[str]:
    """B's person asks for what is A's, by keys that might: it is told nothing of A."""
    if not operation.guarded:
        return
    for request in _own_requests(operation, scene.a):
        answer = ask(scene, asker, request)
        where = f"{operation.title}, {asker.name}"
        yield from _refused(where, operation, asker, answer)
        yield from _told(where, secrets, f"{request.text} {asker.headers}", answer)


def _refused(
    where: str, operation: Operation, asker: Asker, answer: httpx2.Response
) -> Iterator[str]:
    if answer.status_code != asker.refusal(operation):
        yield f"{where}: not refused, but answered {answer.status_code}: {answer.text}"


def _mixed(scene: Scene, operation: Operation, asker: Asker, secrets: Secrets) -> Iterator[str]:
    """The platform sees all, and yet nothing of A's can be joined to something of B's."""
    if len(operation.ids) < 2:
        return
    for one in operation.ids:
        others = {other: scene.a.things[other.kind] for other in operation.ids if other != one}
        request = operation.asked(scene.a.things, {**others, one: scene.b.things[one.kind]})
        answer = ask(scene, asker, request)
        where = f"{operation.title}, {asker.name}, B's {one.name} among A's"
        if answer.status_code < 400 and not _is_nothing(answer):
            yield f"{where}: answered {answer.status_code}: {answer.text}"
        yield from _told(where, secrets, request.text, answer)


def _narrowed(scene: Scene, operation: Operation, asker: Asker, secrets: Secrets) -> Iterator[str]:
    """A list that the platform narrows to A shows nothing of B's."""
    for one in operation.ids:
        if operation.method == "GET" and one.kind == "organization":
            request = operation.asked(scene.a.things, {one: scene.a.id})
            answer = ask(scene, asker, request)
            where = f"{operation.title}, {asker.name}, narrowed to A"
            yield from _told(where, secrets, request.text, answer)


def _closed(scene: Scene, operation: Operation, asker: Asker, secrets: Secrets) -> Iterator[str]:
    if not operation.guarded:
        return
    for request in _own_requests(operation, scene.b):
        answer = ask(scene, asker, request)
        where = f"{operation.title}, {asker.name}"
        if answer.status_code != UNAUTHENTICATED:
            yield f"{where}: let in, and answered {answer.status_code}"
        yield from _told(where, secrets, request.text, answer)


def _places(scene: Scene, operation: Operation, asker: Asker, secrets: Secrets) -> Iterator[str]:
    """A page may go on after something of B's; it shows nothing of it."""
    if asker.person is not None:
        return
    for name in operation.places:
        for place in (*scene.b.things.values(), *PLACES[name].values()):
            request = operation.asked(scene.a.things, {Parameter("query", name, "", False): place})
            where = f"{operation.title}, {asker.name}, {name}={place}"
            yield from _told(where, secrets, request.text, ask(scene, asker, request))


def _own_requests(operation: Operation, party: Party) -> Iterator[Request]:
    """An operation's requests with a party's own ids: with no optional one, and with each."""
    if operation.open_bodies:
        yield from (request for _, request in operation.bodies(party.things))
        return
    optional = [one for one in operation.ids if not one.required]
    if operation.name not in ONE_OF:
        yield operation.asked(party.things, {})
    for one in optional:
        yield operation.asked(party.things, {one: party.things[one.kind]})


def _shared_requests(operation: Operation, party: Party) -> Iterator[Request]:
    """Its requests with names that the other party uses, too."""
    for one in operation.ids:
        if one.kind in party.shared:
            yield operation.asked(party.things, {one: party.shared[one.kind]})


def _let_in(
    operation: Operation, asker: Asker, request: Request, answer: httpx2.Response
) -> Iterator[str]:
    where = f"{operation.title}, {asker.name}, its own ({request.path} {request.body})"
    if not operation.guarded:
        return
    if not asker.may(operation, request):
        yield from _refused(where, operation, asker, answer)
    elif answer.status_code >= 300 and answer.status_code != CONFLICT:
        yield f"{where}: refused, {answer.status_code}: {answer.text}"


def _told(where: str, secrets: Secrets, asked: str, answer: httpx2.Response) -> Iterator[str]:
    text = f"{answer.text} {dict(answer.headers)}"
    if found := secrets.told(text, asked):
        yield f"{where}: it tells {found[:3]}: {answer.text[:300]}"


def _plain(answer: httpx2.Response, sent: tuple[str, ...]) -> tuple[int, object]:
    """An answer without its request's id, and without the ids that were sent."""
    text = answer.text
    for one in sent:
        text = text.replace(one, "*")
    told = json.loads(text) if text else None
    if isinstance(told, dict):
        told.pop("request_id", None)
    return answer.status_code, told


def _denials(operation: Operation) -> set[int]:
    return {NOT_FOUND} | ({FORBIDDEN} if operation.name in PLATFORMS_TO_MAKE else set())


def _is_nothing(answer: httpx2.Response) -> bool:
    """Whether a request that was let in came to nothing: an empty list, no event taken."""
    if answer.status_code >= 300:
        return False
    told: dict[str, object] = answer.json()
    return told.get("data") == [] or told.get("accepted") == 0


def _never(thing: str) -> str:
    """An id of the same form that never was."""
    prefix, _, rest = thing.partition("_")
    return f"{prefix}_{'0' * len(rest)}" if len(rest) == 26 else NOBODY
