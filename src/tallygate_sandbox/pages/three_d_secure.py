"""The page where the owner of a card authenticates, for an intent that no checkout leads to."""

from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from starlette.responses import Response

from tallygate_sandbox import payments
from tallygate_sandbox.checkout.asking import attempt
from tallygate_sandbox.pages.web import Visit, page, said, see, show
from tallygate_sandbox.payments import setups
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Seen

ADDRESS = "/_pages/3ds/{intent}"


@page(f"GET {ADDRESS}")
async def challenge(visit: Visit) -> Response:
    intent = _intent(visit)
    if intent["status"] != "requires_action":
        return said(f"The payment's status is {intent['status']}.", 200, "Nothing to authenticate")
    return show(
        "three_d_secure.html",
        goes_to=intent["_return_url"],
        action=f"/_pages/3ds/{intent['id']}",
        amount=intent.get("amount"),
        currency=intent.get("currency"),
    )


@page(f"POST {ADDRESS}")
async def authenticate(visit: Visit) -> Response:
    """Go on, and return as Stripe does: with the intent, its secret and how it went."""
    world, intent = visit.world, _intent(visit)
    succeeded = visit.sent("outcome") == "complete"
    of = setups if intent["object"] == setups.KIND else payments
    refused = attempt(world, lambda: of.authenticate(world, intent["id"], succeeded=succeeded))
    if refused is not None:
        return said(refused.message, refused.status)
    intent = _intent(visit)
    if intent["_return_url"]:
        return see(returned(intent))
    if intent.get("_invoice"):
        page_of_it = world.get("invoice", intent["_invoice"])["hosted_invoice_url"]
        if page_of_it:
            return see(urlsplit(page_of_it).path)
    went_well = intent["status"] in {"succeeded", "requires_capture"}
    message = "The payment was authenticated." if went_well else "The authentication failed."
    return said(message, 200, "Done" if went_well else "Not authenticated")


def returned(intent: Seen) -> str:
    """The integration's address, with what it needs to know."""
    kind = intent["object"]
    parts = urlsplit(intent["_return_url"])
    went_well = intent["status"] in {"succeeded", "requires_capture"}
    query = [
        *parse_qsl(parts.query, keep_blank_values=True),
        (kind, intent["id"]),
        (f"{kind}_client_secret", intent["client_secret"]),
        ("redirect_status", "succeeded" if went_well else "failed"),
    ]
    return urlunsplit(parts._replace(query=urlencode(query)))


def _intent(visit: Visit) -> Seen:
    ident = visit.path["intent"]
    found = visit.world.find("payment_intent", ident) or visit.world.find(setups.KIND, ident)
    if found is None:
        raise Refusal("There is no such payment.", status=404)
    return found
