"""The page at /: what is there, what happened, what was delivered, and the time."""

import json
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any

from starlette.responses import Response

from tallygate_sandbox.money.calendar import boundary
from tallygate_sandbox.pages import written
from tallygate_sandbox.pages.web import Visit, page, see, show
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Obj, Seen, World
from tallygate_sandbox.world.objects import encode
from tallygate_sandbox.world.world import SANDBOX

ON_A_PAGE = 25
FEW = 6
MOVES = {"hour": 3600, "day": 86_400, "week": 7 * 86_400}
SECTIONS = {
    "customers": "customer",
    "subscriptions": "subscription",
    "invoices": "invoice",
    "events": "event",
    "deliveries": "_delivery",
}
# What is searched, besides the id.
SEARCHED = {
    "customer": ("name", "email", "description"),
    "subscription": ("customer", "status"),
    "invoice": ("number", "customer", "customer_email", "status"),
    "event": ("type",),
    "_delivery": ("event", "type", "state", "url", "endpoint"),
}


@page("GET /", steers=True)
async def overview(visit: Visit) -> Response:
    world = visit.world
    return _show(
        visit,
        "dashboard.html",
        "overview",
        counts={name: world.objects.count(kind) for name, kind in SECTIONS.items()},
        customers=_rows(world, "customer", FEW),
        subscriptions=_rows(world, "subscription", FEW),
        invoices=_rows(world, "invoice", FEW),
        events=_rows(world, "event", FEW),
        deliveries=_rows(world, "_delivery", FEW),
    )


@page("GET /dashboard/{section}", steers=True)
async def section(visit: Visit) -> Response:
    """One kind of object, newest first; `q` searches, `page` counts from 1."""
    name = visit.path["section"]
    if name not in SECTIONS:
        raise Refusal("There is no such page.", status=404)
    kind, sought = SECTIONS[name], visit.query.get("q", "").strip()
    number = visit.query.get("page", "1")
    at = min(int(number), 100_000) if number.isdecimal() and int(number) else 1
    found = (o for o in visit.world.objects.newest_first(kind) if matches(o, kind, sought))
    rows = list(islice(found, (at - 1) * ON_A_PAGE, at * ON_A_PAGE + 1))
    return _show(
        visit,
        "section.html",
        name,
        rows=[ROWS[kind](visit.world, row) for row in rows[:ON_A_PAGE]],
        sought=sought,
        at=at,
        more=len(rows) > ON_A_PAGE,
    )


@page("GET /dashboard/{section}/{ident}", steers=True)
async def one(visit: Visit) -> Response:
    """One object as the API shows it."""
    kind = SECTIONS.get(visit.path["section"])
    found = visit.world.find(kind, visit.path["ident"]) if kind else None
    if found is None or kind is None:
        raise Refusal("There is no such object.", status=404)
    shown = dict(found) if kind[0] == "_" else visit.world.view(found)
    return _show(
        visit,
        "object.html",
        visit.path["section"],
        row=ROWS[kind](visit.world, found),
        body=json.dumps(json.loads(encode(shown)), indent=2, ensure_ascii=False),
        related=_related(visit.world, kind, found),
    )


@page("POST /dashboard/clock", steers=True)
async def move_clock(visit: Visit) -> Response:
    """Move the sandbox's clock: `by` an hour, a day, a week or a month; `to` a day; or `next`."""
    now = visit.world.clock.now()
    by, to = visit.sent("by"), visit.sent("to")
    if by == "next":
        following = visit.world.timers.next_due(SANDBOX)
        if following is not None:
            await visit.motion.move(following.at, one_step=True)
    elif by == "month":
        await visit.motion.move(boundary(now, "month", 1, 1))
    elif by in MOVES:
        await visit.motion.move(now + MOVES[by])
    elif to:
        await visit.motion.move(_start_of(to, now))
    return see(_back(visit))


def matches(obj: Seen, kind: str, sought: str) -> bool:
    """Does an object's id, or a field in which one searches, hold this?"""
    if not sought:
        return True
    fields = (obj["id"], *(obj.get(name) for name in SEARCHED[kind]))
    return any(sought.casefold() in str(value).casefold() for value in fields if value)


def _start_of(day: str, now: int) -> int:
    """The beginning of a day, in UTC. Raises: Refusal, when it is none, or has passed."""
    try:
        wanted = date.fromisoformat(day)
    except ValueError:
        raise Refusal("That is no date.") from None
    at = int(datetime(wanted.year, wanted.month, wanted.day, tzinfo=UTC).timestamp())
    if at <= now:
        raise Refusal("Time only goes forward: choose a later day.")
    return at


def _back(visit: Visit) -> str:
    back = visit.form.get("back", "/")
    return back if back.startswith(("/dashboard/", "/?")) and back.isprintable() else "/"


def _show(visit: Visit, template: str, here: str, **shown: Any) -> Response:
    world = visit.world
    following = world.timers.next_due(SANDBOX)
    now = world.clock.now()
    return show(
        template,
        here=here,
        sections=list(SECTIONS),
        now=now,
        tomorrow=(datetime.fromtimestamp(now, UTC) + timedelta(days=1)).date().isoformat(),
        frozen=world.clock.frozen is not None,
        following=following,
        back="/" if here == "overview" else f"/dashboard/{here}",
        **shown,
    )


def _rows(world: World, kind: str, most: int) -> list[Obj]:
    return [ROWS[kind](world, found) for found in islice(world.objects.newest_first(kind), most)]


def _customer(world: World, found: Seen) -> Obj:
    subscriptions = world.where("subscription", "customer", found["id"])
    return {
        "section": "customers",
        "id": found["id"],
        "title": found["name"] or found["email"] or found["id"],
        "facts": [found["email"] or "", _counted(len(subscriptions), "subscription")],
        "status": "delinquent" if found["delinquent"] else "",
        "at": found["created"],
    }


def _subscription(world: World, found: Seen) -> Obj:
    items = world.view(found)["items"]["data"]
    names = []
    for item in items:
        product = world.find("product", item["price"]["product"])
        names.append(product["name"] if product else item["price"]["id"])
    ends = min((item["current_period_end"] for item in items), default=None)
    return {
        "section": "subscriptions",
        "id": found["id"],
        "title": ", ".join(names) or found["id"],
        "facts": [_name_of(world, found["customer"]), f"until {written.day(ends)}"],
        "status": found["status"],
        "at": found["created"],
    }


def _invoice(world: World, found: Seen) -> Obj:
    return {
        "section": "invoices",
        "id": found["id"],
        "title": found["number"] or found["id"],
        "facts": [
            _name_of(world, found["customer"]),
            written.money(found["total"], found["currency"]),
        ],
        "status": found["status"],
        "at": found["created"],
    }


def _event(world: World, found: Seen) -> Obj:
    deliveries = world.where("_delivery", "event", found["id"])
    facts = [found["id"]] + (
        [_counted(len(deliveries), "delivery", "deliveries")] if deliveries else []
    )
    return {
        "section": "events",
        "id": found["id"],
        "title": found["type"],
        "facts": facts,
        "status": "",
        "at": found["created"],
    }


def _delivery(_world: World, found: Seen) -> Obj:
    last = found["attempts"][-1] if found["attempts"] else None
    answer = (last["status"] or last["error"]) if last else None
    told = _counted(len(found["attempts"]), "attempt") + (f", last: {answer}" if answer else "")
    return {
        "section": "deliveries",
        "id": found["id"],
        "title": found["type"],
        "facts": [found["url"], told],
        "status": found["state"],
        "at": found["created"],
    }


ROWS: dict[str, Callable[[World, Seen], Obj]] = {
    "customer": _customer,
    "subscription": _subscription,
    "invoice": _invoice,
    "event": _event,
    "_delivery": _delivery,
}


def _counted(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def _name_of(world: World, customer: str | None) -> str:
    found = world.find("customer", customer)
    return (found["name"] or found["email"] or found["id"]) if found else "–"


def _related(world: World, kind: str, found: Seen) -> list[Obj]:
    """What belongs to an object: a customer's subscriptions, an event's deliveries ..."""
    related: Iterable[tuple[str, Seen]] = ()
    if kind == "customer":
        related = [
            (other, o)
            for other in ("subscription", "invoice")
            for o in world.where(other, "customer", found["id"])
        ]
    elif kind in {"subscription", "invoice"}:
        customer = world.find("customer", found["customer"])
        related = [("customer", customer)] if customer else []
    elif kind == "event":
        related = [("_delivery", o) for o in world.where("_delivery", "event", found["id"])]
    elif kind == "_delivery":
        event = world.find("event", found["event"])
        related = [("event", event)] if event else []
    return [ROWS[other](world, o) for other, o in islice(related, 50)]
