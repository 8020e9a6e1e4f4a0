"""The page where a checkout session is completed."""

from urllib.parse import quote

from starlette.responses import Response

from tallygate_sandbox.checkout import completion, sessions, taxed, updates
from tallygate_sandbox.checkout.asking import attempt
from tallygate_sandbox.checkout.completion import Person
from tallygate_sandbox.checkout.lines import lines_of, price_of
from tallygate_sandbox.checkout.shapes import KIND
from tallygate_sandbox.checkout.totals import anchor_of, coupon_of, taken, trial_end
from tallygate_sandbox.customers.tax_ids import OFFERED as TAX_ID_TYPES
from tallygate_sandbox.money.calendar import boundary
from tallygate_sandbox.pages import written
from tallygate_sandbox.pages.cards import OFFERED, chosen
from tallygate_sandbox.pages.web import Visit, page, said, see, show
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Obj, Seen, World

PLACE = "{CHECKOUT_SESSION_ID}"
NOW_TAXED = "Tax was calculated for your address. See what is due now, then press"
VERBS = {"book": "Book", "donate": "Donate", "subscribe": "Subscribe"}


@page("GET /c/pay/{session}")
async def pay(visit: Visit) -> Response:
    session = visit.world.get(KIND, visit.path["session"])
    if session["status"] != "open":
        return ended(session)
    if completion.awaited(session):
        return see(f"/c/pay/{session['id']}/authenticate")
    return _form(visit, session)


@page("POST /c/pay/{session}")
async def submit(visit: Visit) -> Response:
    world, ident = visit.world, visit.path["session"]
    if world.get(KIND, ident)["status"] != "open":
        return ended(world.get(KIND, ident))
    person, before = _person(visit), world.get(KIND, ident)["amount_total"]
    refused = attempt(
        world, lambda: taxed.locate(world, sessions.open_one(world, ident), person.address)
    )
    session = world.get(KIND, ident)
    if refused is None and session["amount_total"] != before:
        return _form(visit, session, refused=Refusal(f"{NOW_TAXED} {_button(session, None)}."))
    refused = refused or completion.complete(world, ident, chosen(visit.form), person)
    return _after(visit, refused)


@page("POST /c/pay/{session}/code")
async def enter_code(visit: Visit) -> Response:
    world, ident = visit.world, visit.path["session"]
    typed = visit.sent("promotion_code") or ""
    refused = attempt(world, lambda: sessions.enter_code(world, ident, typed))
    if refused is None:
        return see(f"/c/pay/{ident}")
    return _form(visit, world.get(KIND, ident), code_refused=refused.message)


@page("POST /c/pay/{session}/quantities")
async def adjust(visit: Visit) -> Response:
    world, ident = visit.world, visit.path["session"]
    wanted = {k: int(v) for k, v in visit.form.items() if v.isdecimal() and len(v) < 10}
    refused = attempt(world, lambda: updates.adjust(world, ident, wanted))
    if refused is None:
        return see(f"/c/pay/{ident}")
    return _form(visit, world.get(KIND, ident), code_refused=refused.message)


@page("GET /c/pay/{session}/authenticate")
async def challenge(visit: Visit) -> Response:
    session = visit.world.get(KIND, visit.path["session"])
    if not completion.awaited(session):
        return see(f"/c/pay/{session['id']}")
    return show(
        "three_d_secure.html",
        goes_to=after(session),
        action=f"/c/pay/{session['id']}/authenticate",
        amount=session["amount_total"] or None,
        currency=session["currency"],
    )


@page("POST /c/pay/{session}/authenticate")
async def authenticate(visit: Visit) -> Response:
    world, ident = visit.world, visit.path["session"]
    succeeded = visit.sent("outcome") == "complete"
    return _after(visit, completion.authenticate(world, ident, succeeded=succeeded))


@page("GET /c/thanks/{session}")
async def thanks(visit: Visit) -> Response:
    """Where a payment link's customer comes who is sent nowhere else."""
    session = visit.world.get(KIND, visit.path["session"])
    link = visit.world.find("payment_link", session["payment_link"])
    told = (link["after_completion"].get("hosted_confirmation") or {}) if link else {}
    message = told.get("custom_message") or "Your payment went through."
    return said(message, 200, "Thank you")


def after(session: Seen) -> str:
    """Where a completed session leads, its id filled in."""
    address = session["success_url"] or session.get("return_url") or f"/c/thanks/{PLACE}"
    return str(address).replace(PLACE, quote(session["id"]))


def ended(session: Seen) -> Response:
    """A session that is not open any more says so."""
    if session["status"] == "complete":
        return show(
            "said.html",
            title="This checkout is complete",
            message="It was paid for before. Nothing happens twice.",
            back=after(session),
            back_label="Continue",
        )
    return show(
        "said.html",
        status=410,
        title="This checkout has expired",
        message="Go back to where you came from and begin again.",
        back=_filled(session["cancel_url"], session),
        back_label="Go back",
    )


def _after(visit: Visit, refused: Refusal | None) -> Response:
    session = visit.world.get(KIND, visit.path["session"])
    if refused is not None:
        if session["status"] != "open":
            return ended(session)
        return _form(visit, session, refused=refused)
    if session["status"] == "complete":
        return see(after(session))
    return see(f"/c/pay/{session['id']}/authenticate")


def _form(
    visit: Visit,
    session: Seen,
    refused: Refusal | None = None,
    code_refused: str | None = None,
) -> Response:
    world = visit.world
    return show(
        "checkout.html",
        status=(402 if refused.status == 402 else 400)
        if refused
        else 400
        if code_refused
        else 200,
        goes_to=after(session),
        session=session,
        summary=summary(world, session),
        needs_card=completion.needs_card(session),
        needs_email=completion.needs_email(session),
        asks_address=taxed.asks_address(session),
        tax_id_types=TAX_ID_TYPES
        if (session.get("tax_id_collection") or {}).get("enabled")
        else (),
        tax_id_required=(session.get("tax_id_collection") or {}).get("required") == "if_supported",
        email=visit.form.get("email") or _known_email(session),
        form=visit.form,
        cards=OFFERED,
        refused=_words(refused),
        code_refused=code_refused,
        cancel=_filled(session["cancel_url"], session),
    )


def _known_email(session: Seen) -> str:
    """What is known of the customer, or was filled in for the try before."""
    tried = (session["_pending"] or {}).get("person") or {}
    return (session["customer_details"] or {}).get("email") or tried.get("email") or ""


def _words(refused: Refusal | None) -> str | None:
    if refused is None:
        return None
    missing = {
        "email": "Please enter your e-mail address.",
        "card": "Please choose a card.",
        "tax_id": "Please enter your tax ID.",
    }
    if refused.code == "parameter_missing":
        return missing.get(refused.param or "", refused.message)
    return refused.message


def summary(world: World, session: Seen) -> Obj:
    """What the page says of the order: its lines, what is due today, and what comes later."""
    lines = [_line(world, line) for line in lines_of(world, session)]
    coupon = coupon_of(world, session) if session["mode"] != "setup" else None
    code = next((d["promotion_code"] for d in session["discounts"] or []), None)
    rhythms = [line["rhythm"] for line in lines if line["rhythm"]]
    trial = trial_end(session, world.now(session)) if session["mode"] == "subscription" else None
    anchor = anchor_of(session, world.now(session)) if session["mode"] == "subscription" else None
    following = trial or anchor or _second_period(lines, world.now(session))
    return _later(world, session, lines, coupon, following) | {
        "title": _title(session, lines),
        "lines": lines,
        "discount": coupon and (coupon["name"] or coupon["id"]),
        "code": code and world.get("promotion_code", code)["code"],
        "rhythm": rhythms[0] if rhythms else "",
        "once": bool(coupon) or len(rhythms) < len(lines),
        "trial_end": trial,
        "anchor": anchor,
        "button": _button(session, trial),
        "metered": any(line["metered"] for line in lines),
        "adjustable": [line for line in lines if line["bounds"]],
    }


def _second_period(lines: list[Obj], now: int) -> int:
    """When the second period begins of what is paid in periods; now, where nothing is."""
    rhythm = next((line["recurring"] for line in lines if line["recurring"]), None)
    return boundary(now, rhythm["interval"], rhythm["interval_count"], 1) if rhythm else now


def _later(
    world: World, session: Seen, lines: list[Obj], coupon: Seen | None, following: int
) -> Obj:
    """What a period costs `later`; `regular` from `until` on, where a discount ends then."""
    full = [line["full"] for line in lines if line["rhythm"]]
    said = {"later": sum(full), "regular": sum(full), "until": None}
    if coupon is None or coupon["duration"] == "once":
        return said
    months = coupon["duration_in_months"]
    until = boundary(world.now(session), "month", 1, months) if months else None
    if until is not None and until <= following:
        return said
    off = sum(taken(coupon, full, session["currency"]))
    return said | {"later": sum(full) - off, "until": until}


def _line(world: World, line: Seen) -> Obj:
    price = price_of(world, line)
    rhythm = price["recurring"]
    return {
        "id": line["id"],
        "bounds": line["adjustable_quantity"],
        "name": line["description"],
        "quantity": line["quantity"],
        "price": written.price(price),
        "recurring": rhythm,
        "rhythm": written.rhythm(rhythm),
        "metered": line["quantity"] is None,
        "amount": line["amount_subtotal"],
        "full": line["_full"],
    }


def _title(session: Seen, lines: list[Obj]) -> str:
    if session["mode"] == "setup":
        return "Save a card for later"
    names = lines[0]["name"] + (f" and {len(lines) - 1} more" if len(lines) > 1 else "")
    return f"{'Subscribe to' if session['mode'] == 'subscription' else 'Pay for'} {names}"


def _button(session: Seen, trial: int | None) -> str:
    if session["mode"] == "setup":
        return "Save card"
    if trial is not None:
        return "Start trial"
    if session["submit_type"] in VERBS:
        return VERBS[session["submit_type"]]
    if session["mode"] == "subscription":
        return "Subscribe"
    return f"Pay {written.money(session['amount_total'], session['currency'])}"


def _filled(address: str | None, session: Seen) -> str | None:
    return address and address.replace(PLACE, quote(session["id"]))


def _person(visit: Visit) -> Person:
    names = ("line1", "line2", "city", "postal_code", "state", "country")
    address = {name: value for name in names if (value := visit.sent(name))}
    tax_id = visit.sent("tax_id")
    return Person(
        visit.sent("email"),
        visit.sent("name"),
        visit.sent("phone"),
        address or None,
        visit.sent("business_name"),
        {"type": visit.sent("tax_id_type") or TAX_ID_TYPES[0], "value": tax_id}
        if tax_id
        else None,
    )
