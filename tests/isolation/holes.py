"""Holes in the first wall, of the kinds that happen, to be planted and found."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, NamedTuple

import pytest
from fastapi import APIRouter
from sqlalchemy import true
from tests.isolation.parties import Scene

from tallygate.adapters import store as room
from tallygate.adapters.store import accounts, invoices, keys, purchases, rows
from tallygate.core.errors import NotFound
from tallygate.core.keys import ApiKey
from tallygate.interfaces.api import purchases as purchase_routes
from tallygate.interfaces.api.callers import Caller, Here
from tallygate.interfaces.api.routes import READS, guarded_router
from tallygate.interfaces.api.wire import Id
from tallygate.workflows import accounts as workflow

Dig = Callable[[pytest.MonkeyPatch], None]


class Hole(NamedTuple):
    """A planted hole: what is wrong, where it shows, and what the matrix says of it."""

    name: str
    dig: Dig
    operations: tuple[str, ...]
    said: str


def without_tenant(function: Callable[..., Any], position: int) -> Callable[..., Any]:
    """A function of the store that forgets the tenant it is given at a position."""

    def forgetful(*given: Any, **named: Any) -> Any:
        kept = list(given)
        if position < len(kept):
            kept[position] = None
        named = {name: None if name == "tenant" else value for name, value in named.items()}
        return function(*kept, **named)

    return forgetful


def forget(module: Any, name: str, position: int) -> Dig:
    """Digs: a question to the store without its tenant."""

    def dig(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(module, name, without_tenant(getattr(module, name), position))

    return dig


def remove_the_first_wall(patch: pytest.MonkeyPatch) -> None:
    """Take the tenant out of every condition of the store's, and believe whatever is named."""
    right = rows.get
    for module in _store_modules():
        if hasattr(module, "within"):
            patch.setattr(module, "within", lambda _column, _owner: true())
        if getattr(module, "get", None) is right:
            patch.setattr(module, "get", without_tenant(right, 3))
    _believing(patch)


def _store_modules() -> list[Any]:
    return [
        import_module(f"{room.__name__}.{found.name}") for found in iter_modules(room.__path__)
    ]


def _believing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Caller, "tenant", lambda caller, named=None: named or caller.organization)


def _locating_anybodys(patch: pytest.MonkeyPatch) -> None:
    found = without_tenant(workflow.locate_account, 2)
    patch.setattr(purchase_routes, "locate_account", found)


def _listing_everybodys(patch: pytest.MonkeyPatch) -> None:
    for module in _store_modules():
        if hasattr(module, "listed"):
            patch.setattr(module, "listed", without_tenant(module.listed, 2))


def _explaining(patch: pytest.MonkeyPatch) -> None:
    right = accounts.get_project

    def talkative(tx: Any, project_id: str, tenant: str | None = None) -> Any:
        there = right(tx, project_id)
        if tenant not in {None, there.organization}:
            raise NotFound(f"The project {project_id!r} belongs to somebody else.")
        return there

    patch.setattr(accounts, "get_project", talkative)


HOLES = (
    Hole(
        "a query without its tenant",
        forget(accounts, "get_project", 2),
        ("get_project", "list_payers"),
        "it tells",
    ),
    Hole(
        "a switch of payer whose project is looked up for anybody",
        forget(accounts, "get_project", 2),
        ("switch_payer",),
        "it wrote",
    ),
    Hole(
        "a list without its scope",
        _listing_everybodys,
        ("list_members", "list_keys"),
        "it tells",
    ),
    Hole(
        "a filter that is believed",
        _believing,
        ("list_notices", "list_events", "list_entries"),
        "it tells",
    ),
    Hole(
        "an account that is located for anybody",
        _locating_anybodys,
        ("sign_reference", "get_billing_subscription"),
        "found, and answered",
    ),
    Hole(
        "a purchase by its id alone",
        forget(purchases, "get", 2),
        ("get_purchase",),
        "it tells",
    ),
    Hole("anybody's key can be revoked", forget(keys, "get_key", 2), ("revoke_key",), "it wrote"),
    Hole(
        "an invoice by its id alone",
        forget(invoices, "get", 2),
        ("get_invoice", "explain_invoice"),
        "it tells",
    ),
    Hole(
        "a refusal that tells whether the id is somebody's",
        _explaining,
        ("get_project",),
        "answered otherwise than for an id that never was",
    ),
    Hole(
        "the platform's operations open to all",
        lambda patch: patch.setattr(Caller, "require_platform", lambda _: None),
        ("approve_invoice", "get_health"),
        "not refused",
    ),
    Hole(
        "scopes that are not asked for",
        lambda patch: patch.setattr(Caller, "require", lambda *_: None),
        ("add_member", "get_member", "remove_member"),
        "not refused",
    ),
    Hole(
        "a key that opens after it was revoked",
        lambda patch: patch.setattr(ApiKey, "is_live", lambda *_: True),
        ("get_organization",),
        "let in",
    ),
)


def careless_router() -> APIRouter:
    """An operation that somebody adds tomorrow: it is guarded, and forgets whose the thing is."""
    router = guarded_router("/v1/projects", "projects")

    @router.get("/{project}/summary", openapi_extra=READS)
    def summarize_project(project: Id, here: Here) -> dict[str, str]:
        with here.store.read() as tx:
            found = accounts.get_project(tx, project)
        return {"name": found.name}

    return router


def unknown_router() -> APIRouter:
    """Operations of which the matrix cannot know what they take."""
    router = guarded_router("/v1/gadgets", "gadgets")

    @router.get("/{gadget}")
    def get_gadget(gadget: Id, widget: str = "") -> dict[str, str]:
        return {"id": gadget, "widget": widget}

    @router.post("", openapi_extra=READS)
    def make_gadget(body: dict[str, Any]) -> dict[str, str]:
        return {"id": str(body)}

    return router


@contextmanager
def added(scene: Scene, router: APIRouter) -> Iterator[None]:
    """The application with a router more, for the length of a `with` block."""
    app = scene.app
    kept, app.openapi_schema = list(app.router.routes), None
    app.include_router(router)
    try:
        yield
    finally:
        app.router.routes[:] = kept
        app.openapi_schema = None
