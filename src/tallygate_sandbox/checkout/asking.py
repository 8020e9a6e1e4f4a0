"""What a room asks of the others, as a client of the API would, and the transaction around it."""

from collections.abc import Callable
from typing import Any

from tallygate_sandbox.api import Call
from tallygate_sandbox.api.endpoints import find_endpoint
from tallygate_sandbox.wire.parameters import check
from tallygate_sandbox.wire.refusals import Refusal, absent
from tallygate_sandbox.world import Obj, World

OURS = {"_ours": True}  # a customer does it, on a page of ours


def ask(world: World, address: str, /, **params: Any) -> Obj:
    """Have an endpoint act: `ask(world, "POST /v1/customers", email=...)`; None is not sent.

    Raises:
        Refusal: what the endpoint refuses; or it, or one of the parameters, is not there.
    """
    return ask_for_ourselves(world, address, {}, **params)


def ask_for_ourselves(world: World, address: str, own: Obj, /, **params: Any) -> Obj:
    """Have an endpoint act with what no client may say: `own`, by names of the sandbox's own.

    Raises:
        Refusal: as `ask` does.
    """
    method, path = address.split(" ")
    found = find_endpoint(method, path)
    if found is None:
        raise absent(f"the endpoint {address}")
    declared, ids = found
    checked = check(without_nothing(params), declared.shape)
    declared.refuse_absent(checked)
    return declared.act(Call(world, checked | own, ids, path))


def without_nothing(params: Any) -> Any:
    """The parameters that say something: None, and what holds nothing else, left out."""
    if isinstance(params, list):
        return [without_nothing(one) for one in params]
    if not isinstance(params, dict):
        return params
    kept = {key: without_nothing(value) for key, value in params.items() if value is not None}
    return {key: value for key, value in kept.items() if value not in ({}, [])}


def attempt(world: World, act: Callable[[], object]) -> Refusal | None:
    """Act in one transaction; gives what was refused: it is undone unless the refusal keeps it."""
    kept: Refusal | None = None
    try:
        with world.transaction():
            try:
                act()
            except Refusal as refusal:
                if not refusal.keeps:
                    raise
                kept = refusal
    except Refusal as refusal:
        return refusal
    return kept
