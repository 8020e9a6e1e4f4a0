"""`/_sandbox/settings`: what a real account sets in the dashboard, or what only a sandbox has.

`invoices`: the grace of a draft, when an unpaid invoice is tried again, and what follows the last
time. `meters`: by how much their processing lags, and the window of an error report. `taxes`: what
automatic tax comes to.
"""

import re
from collections.abc import Callable
from typing import Any

from starlette.requests import Request

from tallygate_sandbox.control.pulse import Pulse
from tallygate_sandbox.control.requests import Body, Sent, control
from tallygate_sandbox.customers import taxation
from tallygate_sandbox.invoices import dunning
from tallygate_sandbox.wire.refusals import Refusal

Read = Callable[[Sent, str], Any]

MOST_RETRIES = 20
MOST_DAYS = 60
MOST_PLACES = 500
PLACE = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?\Z")
PERCENTAGE = re.compile(r"[0-9]{1,2}(\.[0-9]{1,4})?\Z")


def _seconds(sent: Sent, name: str) -> int | None:
    return sent.whole(name)


def _grace(sent: Sent, name: str) -> int | None:
    return sent.whole(name, 0, dunning.MAX_GRACE)


def _days(sent: Sent, name: str) -> list[int] | None:
    return sent.wholes(name, MOST_RETRIES, MOST_DAYS)


def _first(sent: Sent, name: str) -> str:
    return sent.choice(name, dunning.FIRSTS, "")


def _end(sent: Sent, name: str) -> str:
    return sent.choice(name, dunning.ENDS, "")


def _rates(sent: Sent, name: str) -> dict[str, str]:
    """Percentages by country, or by country and state: {"DE": "19", "US-NY": "8.875"}."""
    rates = sent.texts(name, MOST_PLACES)
    for place, percentage in rates.items():
        if not PLACE.match(place) or not PERCENTAGE.match(percentage):
            raise Refusal(
                f'{name} holds percentages by place, such as {{"DE": "19", "US-NY": "8.875"}}.',
                param=name,
            )
    return rates


def _countries(sent: Sent, name: str) -> dict[str, str]:
    return sent.texts(name, MOST_PLACES)


def _behavior(sent: Sent, name: str) -> str:
    return sent.choice(name, taxation.BEHAVIORS, "")


def _truth(sent: Sent, name: str) -> bool:
    return sent.truth(name)


KNOWN: dict[str, dict[str, Read]] = {
    "meters": {"lag_seconds": _seconds, "report_seconds": _seconds},
    "invoices": {
        "grace_seconds": _grace,
        "retry_days": _days,
        "first": _first,
        "then": _end,
    },
    "taxes": {
        "rates": _rates,
        "behavior": _behavior,
        "fails": _truth,
        "ip_countries": _countries,
    },
}


@control("GET /_sandbox/settings/{name}")
async def settings(pulse: Pulse, request: Request, _body: Body) -> Body:
    found = pulse.world.find("_settings", request.path_params["name"]) or {}
    return {key: value for key, value in found.items() if key not in {"object", "id"}}


@control("POST /_sandbox/settings/{name}")
async def set_settings(pulse: Pulse, request: Request, body: Body) -> Body:
    """Change some of a room's settings; null takes one back."""
    world, name = pulse.world, request.path_params["name"]
    known = KNOWN.get(name)
    if known is None:
        raise Refusal(f"There are settings of {', '.join(KNOWN)}.", status=404)
    sent = Sent(body, " ".join(known))
    values = {key: None if body[key] is None else known[key](sent, key) for key in body}
    with world.transaction():
        if world.find("_settings", name) is None:
            world.add({"object": "_settings", "id": name})
        changed = world.edit("_settings", name)
        for key, value in values.items():
            changed.pop(key, None)
            if value is not None:
                changed[key] = value
    return await settings(pulse, request, body)
