"""On Postgres nothing is told or written with the first wall gone: the second one holds."""

import pytest
from tests.isolation.askers import Asker
from tests.isolation.contract import Operation, read_contract
from tests.isolation.holes import added, careless_router, remove_the_first_wall
from tests.isolation.matrix import Among, matrix
from tests.isolation.parties import Scene

BREACHES = ("it tells", "it wrote", "answered otherwise than for an id that never was")
SOME = ("get_project", "list_members", "get_invoice", "list_events")


def is_key(asker: Asker) -> bool:
    """Roles make no difference to the database: one of them is enough."""
    return asker.person is None or asker.name == "A's owner, by the platform"


def is_tenant(asker: Asker) -> bool:
    """The platform's own transactions are for all tenants."""
    return asker.whose == "A" and is_key(asker)


def test_the_matrix_is_empty(
    postgres_scene: Scene, operations: tuple[Operation, ...], asking: Among
) -> None:
    wrong = list(matrix(postgres_scene, operations, lambda one: asking(one) and is_key(one)))
    assert not wrong, "\n".join(wrong)


def test_nothing_is_told_or_written_when_no_query_asks_for_the_tenant(
    postgres_scene: Scene,
    operations: tuple[Operation, ...],
    asking: Among,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    remove_the_first_wall(monkeypatch)
    wrong = list(matrix(postgres_scene, operations, lambda one: asking(one) and is_tenant(one)))
    monkeypatch.undo()
    breaches = [said for said in wrong if any(breach in said for breach in BREACHES)]
    assert not breaches, "\n".join(breaches)


def test_the_first_wall_is_all_that_sqlite_has(
    scene: Scene, operations: tuple[Operation, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    remove_the_first_wall(monkeypatch)
    reading = tuple(one for one in operations if one.name in SOME)
    wrong = list(matrix(scene, reading, is_tenant))
    monkeypatch.undo()
    for one in reading:
        assert any(said.startswith(one.title) and "it tells" in said for said in wrong), one.title


def test_without_the_second_wall_the_same_is_told_on_postgres(
    postgres_scene: Scene, operations: tuple[Operation, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    remove_the_first_wall(monkeypatch)
    monkeypatch.setattr("tallygate.adapters.store.walls.Wall._tenants_role", lambda *_: None)
    reading = tuple(one for one in operations if one.name in SOME)
    wrong = list(matrix(postgres_scene, reading, is_tenant))
    monkeypatch.undo()
    for one in reading:
        assert any(said.startswith(one.title) and "it tells" in said for said in wrong), one.title


def test_an_operation_that_forgets_the_tenant_is_held(postgres_scene: Scene) -> None:
    with added(postgres_scene, careless_router()):
        contract = read_contract(postgres_scene.document)
        new = tuple(one for one in contract.operations if one.name == "summarize_project")
        assert not list(matrix(postgres_scene, new, is_key))
