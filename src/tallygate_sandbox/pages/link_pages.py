"""The page of a payment link: it opens a checkout session and goes there."""

import re

from starlette.responses import Response

from tallygate_sandbox.checkout import payment_links, sessions
from tallygate_sandbox.checkout.asking import attempt
from tallygate_sandbox.checkout.rules import EMAIL
from tallygate_sandbox.pages.web import Visit, page, said, see
from tallygate_sandbox.world import Obj

REFERENCE = re.compile(r"[A-Za-z0-9_-]{1,200}\Z")


@page("GET /b/{token}")
async def visit_link(visit: Visit) -> Response:
    """Open a session for whoever comes; what the address says amiss is left out."""
    world = visit.world
    link = payment_links.by_token(world, visit.path["token"])
    if link is None:
        return said("This payment link does not exist.", 404, "Nothing here")
    if closed := payment_links.closed_because(link):
        return said(closed, 410, "This link is closed")
    reference = visit.query.get("client_reference_id", "")
    email = visit.query.get("prefilled_email", "")
    opened: list[Obj] = []
    refused = attempt(
        world,
        lambda: opened.append(
            payment_links.visit(
                world,
                link,
                reference if REFERENCE.match(reference) else None,
                email if EMAIL.match(email) else None,
                visit.base_url,
            )
        ),
    )
    if refused is not None:
        return said(refused.message, refused.status)
    ident = opened[0]["id"]
    if code := visit.query.get("prefilled_promo_code"):
        attempt(world, lambda: sessions.enter_code(world, ident, code))
    return see(f"/c/pay/{ident}")
