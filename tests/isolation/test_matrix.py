"""A tenant sees its own, whoever asks, for what, by which of its ids (law 13).

The matrix is made from the API's own description, so what is added to the API is in it; of what
it cannot know it says what to declare. It finds planted holes.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from tests.isolation.contract import Operation, read_contract
from tests.isolation.declared import UNDESCRIBED
from tests.isolation.holes import HOLES, Hole, added, careless_router, unknown_router
from tests.isolation.matrix import Among, Undone, matrix, own
from tests.isolation.parties import Scene


def test_its_own_is_let_in_and_shows_nothing_of_the_others(
    scene: Scene, operations: tuple[Operation, ...], undone: Undone, asking: Among
) -> None:
    wrong = list(own(scene, operations, undone, asking))
    assert not wrong, "\n".join(wrong)


def test_the_matrix_is_empty(
    scene: Scene, operations: tuple[Operation, ...], asking: Among
) -> None:
    wrong = list(matrix(scene, operations, asking))
    assert not wrong, "\n".join(wrong)


def test_every_path_that_is_served_is_described(scene: Scene) -> None:
    assert set(_paths(scene.app.routes)) == set(scene.document["paths"]) | UNDESCRIBED


def _paths(routes: Iterable[Any]) -> Iterator[str]:
    for route in routes:
        if hasattr(route, "original_router"):
            yield from _paths(route.original_router.routes)
        else:
            yield route.path


@pytest.mark.parametrize("hole", HOLES, ids=lambda hole: hole.name)
def test_a_planted_hole_is_found(
    hole: Hole,
    scene: Scene,
    operations: tuple[Operation, ...],
    undone: Undone,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there = tuple(one for one in operations if one.name in hole.operations)
    assert len(there) == len(hole.operations)
    hole.dig(monkeypatch)
    with undone():
        found = list(matrix(scene, there))
    monkeypatch.undo()
    for one in there:
        assert any(hole.said in said for said in found if said.startswith(one.title)), one.title


def test_an_operation_that_is_added_is_in_the_matrix(scene: Scene) -> None:
    with added(scene, careless_router()):
        contract = read_contract(scene.document)
        assert not contract.problems
        new = tuple(one for one in contract.operations if one.name == "summarize_project")
        found = list(matrix(scene, new))
    assert any("B's project as project (path): it tells" in said for said in found)


def test_what_the_matrix_cannot_know_is_to_be_declared(scene: Scene) -> None:
    with added(scene, unknown_router()):
        problems = read_contract(scene.document).problems
    (scopeless, path, query, body) = problems
    assert scopeless.startswith("GET /v1/gadgets/{gadget} says no scope: give its route ")
    assert path.startswith("GET /v1/gadgets/{gadget} takes 'gadget' (path): say in ")
    assert query.startswith("GET /v1/gadgets/{gadget} takes 'widget' (query): say in ")
    assert query.endswith("is an id, and of what (IDS), or a word, and which may be sent (WORDS).")
    assert body.startswith("POST /v1/gadgets takes a body of which its schema says nothing: ")
