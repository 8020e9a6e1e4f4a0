"""How deliveries go wrong on request: twice, late, out of order, or never; by a seed."""

import random
from dataclasses import dataclass

from tallygate_sandbox.world import Obj, Seen, World

KIND = "_webhook_fault"
EVERY = "*"


@dataclass(frozen=True, slots=True)
class Fate:
    """What is to become of one delivery; `delay` in seconds of the sandbox's clock."""

    lost: bool = False
    twice: bool = False
    delay: int = 0


def fault_of(world: World, endpoint: str) -> Seen | None:
    """The fault that is set for an endpoint, or for every endpoint."""
    return world.find(KIND, endpoint) or world.find(KIND, EVERY)


def fate(world: World, event: str, endpoint: str) -> Fate:
    """Decided by the seed, the endpoint and the event's number: the same in each run."""
    fault = fault_of(world, endpoint)
    if fault is None:
        return Fate()
    dice = random.Random(f"{fault['seed']}:{event}:{endpoint}")  # noqa: S311  # a test's dice
    lost, twice, delay = dice.random(), dice.random(), dice.randint(0, fault["delay"])
    return Fate(lost < fault["lose"], twice < fault["duplicate"], delay)


def in_order(world: World, endpoint: str, waiting: list[Seen]) -> list[Seen]:
    """The waiting deliveries as they are to be made: oldest first, or shuffled on request."""
    fault = fault_of(world, endpoint)
    if fault and fault["reorder"] and waiting:
        dice = random.Random(f"{fault['seed']}:{waiting[0]['id']}")  # noqa: S311  # a test's dice
        dice.shuffle(waiting)
    return waiting


def at_once(world: World, endpoint: str) -> int:
    """How many attempts may be under way to an endpoint: one, or more on request."""
    fault = fault_of(world, endpoint)
    return fault["parallel"] if fault else 1


def set_fault(world: World, endpoint: str, fault: Obj) -> None:
    clear_fault(world, endpoint)
    world.add({"object": KIND, "id": endpoint} | fault)


def clear_fault(world: World, endpoint: str) -> None:
    if world.find(KIND, endpoint):
        world.remove(KIND, endpoint)
