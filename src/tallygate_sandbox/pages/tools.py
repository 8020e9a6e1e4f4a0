"""For tests without a browser: complete a checkout session by JSON."""

import msgspec
from starlette.responses import JSONResponse, Response

from tallygate_sandbox.checkout import completion
from tallygate_sandbox.checkout.completion import Person
from tallygate_sandbox.checkout.shapes import KIND
from tallygate_sandbox.pages.web import Visit, page
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world.objects import encode

OUTCOMES = ("complete", "fail", "wait")


class Wanted(msgspec.Struct, forbid_unknown_fields=True):
    """What a person would fill in; `authenticate` says what they do when asked for 3-D Secure."""

    card: str = "4242424242424242"
    email: str | None = None
    name: str | None = None
    phone: str | None = None
    address: dict[str, str] | None = None
    business_name: str | None = None
    tax_id: dict[str, str] | None = None
    promotion_code: str | None = None
    authenticate: str = "complete"


@page("POST /_sandbox/checkout/sessions/{session}/complete", steers=True)
async def complete(visit: Visit) -> Response:
    """Do what a person would do on the page; gives the session, or what was refused."""
    world, ident = visit.world, visit.path["session"]
    try:
        wanted = _wanted(visit.body)
        world.get(KIND, ident)
        person = Person(
            wanted.email,
            wanted.name,
            wanted.phone,
            wanted.address,
            wanted.business_name,
            wanted.tax_id,
        )
        refused = completion.complete(world, ident, wanted.card, person, wanted.promotion_code)
        asked = refused is None and completion.awaited(world.get(KIND, ident))
        if asked and wanted.authenticate != "wait":
            succeeded = wanted.authenticate == "complete"
            refused = completion.authenticate(world, ident, succeeded=succeeded)
    except Refusal as refusal:
        refused = refusal
    if refused is not None:
        return JSONResponse(refused.body(""), refused.status)
    return Response(encode(world.view(world.get(KIND, ident))), media_type="application/json")


def _wanted(body: bytes) -> Wanted:
    """Raises: Refusal, for what is no such hash."""
    try:
        wanted = msgspec.json.decode(body or b"{}", type=Wanted)
    except msgspec.DecodeError as wrong:
        raise Refusal(f"Send a JSON object: {wrong}") from None
    if wanted.authenticate not in OUTCOMES:
        raise Refusal(f"`authenticate` is one of {', '.join(OUTCOMES)}.", param="authenticate")
    if wanted.tax_id is not None and wanted.tax_id.keys() != {"type", "value"}:
        raise Refusal("`tax_id` has a `type` and a `value`.", param="tax_id")
    return wanted
