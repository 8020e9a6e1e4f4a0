"""Checkout sessions: created by an integration, completed by a person, or expired.

Source: https://docs.stripe.com/api/checkout/sessions; fields as recorded.
"""

from typing import Any

from tallygate_sandbox import payments
from tallygate_sandbox.api import Call, Evidence, endpoint, expandable, only_expanded, page
from tallygate_sandbox.checkout import managed, rules, shapes, taxed
from tallygate_sandbox.checkout.lines import (
    add_lines,
    lines_of,
    page_of_lines,
    price_of,
    shown_lines,
)
from tallygate_sandbox.checkout.shapes import KIND
from tallygate_sandbox.checkout.totals import set_totals
from tallygate_sandbox.payments import setups
from tallygate_sandbox.products import promotion_codes
from tallygate_sandbox.products.coupons import redeemable
from tallygate_sandbox.products.discounts import amounts_off
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Obj, Seen, World, due, index

TAKEN = (
    "allow_promotion_codes automatic_tax.enabled automatic_tax.liability.type "
    "billing_address_collection cancel_url "
    "client_reference_id currency custom_text customer customer_creation customer_email "
    "customer_update discounts expires_at integration_identifier invoice_creation.enabled "
    "invoice_creation.invoice_data.custom_fields invoice_creation.invoice_data.description "
    "invoice_creation.invoice_data.footer invoice_creation.invoice_data.metadata line_items "
    "locale managed_payments metadata mode origin_context payment_intent_data.description "
    "payment_intent_data.metadata payment_intent_data.receipt_email "
    "payment_intent_data.setup_future_usage payment_intent_data.shipping "
    "payment_intent_data.statement_descriptor payment_method_collection phone_number_collection "
    "redirect_on_completion return_url saved_payment_method_options "
    "setup_intent_data.description setup_intent_data.metadata submit_type "
    "subscription_data.billing_cycle_anchor subscription_data.billing_cycle_anchor_config "
    "subscription_data.billing_mode subscription_data.default_tax_rates "
    "subscription_data.description subscription_data.invoice_settings "
    "subscription_data.metadata subscription_data.proration_behavior "
    "subscription_data.trial_end subscription_data.trial_period_days "
    "subscription_data.trial_settings success_url tax_id_collection ui_mode"
)

index(KIND, "customer", "subscription", "payment_intent", "payment_link", "_pending.intent")
expandable(
    KIND,
    customer="customer",
    invoice="invoice",
    payment_intent="payment_intent",
    payment_link="payment_link",
    setup_intent="setup_intent",
    subscription="subscription",
)


@endpoint("POST /v1/checkout/sessions", "checkout.SessionCreateParams", TAKEN, Evidence.RECORDED)
def create(call: Call) -> Obj:
    return open_session(call.world, call.params, call.base_url)


def open_session(world: World, params: dict[str, Any], base_url: str) -> Obj:
    """Open a session from the parameters of create, and `payment_link` where a link opens it.

    Raises:
        Refusal: parameters that contradict each other, or name what is not there.
    """
    customer = (
        world.get("customer", params["customer"], "customer") if params.get("customer") else None
    )
    now = world.now(customer)
    rules.refuse_wrong(params, now)
    managed.refuse_wrong(params)
    taxed.refuse_nowhere(world, customer, params)
    mode = params["mode"]
    ident = world.ids.new("cs_test", 58)
    ident = ident.replace("cs_test_", f"cs_test_{shapes.LETTERS[mode]}", 1)
    session = shapes.blank(params, ident, world.ids.token(30)) | {
        "created": now,
        "expires_at": rules.expiry(params.get("expires_at"), now),
        "_base_url": base_url,
    }
    if session["ui_mode"] == "hosted_page":
        session["url"] = f"{base_url}/c/pay/{ident}"
    session["customer_details"] = _known(customer, params)
    world.add(session)
    if mode == "setup":
        intent = setups.prepare(world, customer=session["customer"])
        session["setup_intent"] = intent["id"]
        intent |= session["_setup_data"]
    else:
        _fill(world, session, params)
    world.set_timer("checkout.session.expire", session, session["expires_at"])
    return session


def _fill(world: World, session: Obj, params: dict[str, Any]) -> None:
    """Give a session its lines, its discount and its totals."""
    for at, rate in enumerate(session["_subscription_data"].get("default_tax_rates") or []):
        world.get("tax_rate", rate, f"subscription_data[default_tax_rates][{at}]")
    currency, lines = add_lines(world, session, params["line_items"], params.get("currency"))
    session |= {"currency": currency, "_lines": lines}
    refuse_wrong_prices(world, session)
    session["discounts"] = [
        _discount(world, session, entry, f"discounts[{number}]")
        for number, entry in enumerate(params.get("discounts") or [])
    ]
    set_totals(world, session)


def _known(customer: Seen | None, params: dict[str, Any]) -> Obj | None:
    """What is known of the customer when the session opens."""
    if customer is not None:
        exempt = None if params["mode"] == "setup" else customer["tax_exempt"]
        return shapes.details(customer["email"], tax_exempt=exempt)
    email = params.get("customer_email")
    return shapes.details(email) if email else None


def refuse_wrong_prices(world: World, session: Seen) -> None:
    """The lines have to suit the mode. Raises: Refusal."""
    rhythms = [price_of(world, line)["recurring"] for line in lines_of(world, session)]
    recurring = [rhythm for rhythm in rhythms if rhythm is not None]
    if session["mode"] == "payment" and recurring:
        raise Refusal(
            "You specified `payment` mode but passed a recurring price. Either switch to "
            "`subscription` mode or use only one-time prices.",
            param="line_items",
        )
    if session["mode"] == "subscription" and not recurring:
        raise Refusal(
            "You must provide at least one recurring price in `subscription` mode when using "
            "prices.",
            param="line_items",
        )
    if len({(rhythm["interval"], rhythm["interval_count"]) for rhythm in recurring}) > 1:
        raise Refusal(
            "Checkout does not support multiple prices with different billing intervals.",
            param="line_items",
        )
    if (
        session["mode"] == "subscription"
        and max(len(recurring), len(rhythms) - len(recurring)) > 20
    ):
        raise Refusal(
            "At most 20 recurring and 20 one-time prices are allowed.", param="line_items"
        )


def _discount(world: World, session: Seen, entry: dict[str, Any], place: str) -> Obj:
    """Check a coupon or a promotion code; it is redeemed when the session is completed."""
    coupon, code = entry.get("coupon"), entry.get("promotion_code")
    if bool(coupon) == bool(code):
        raise Refusal("Pass either a coupon or a promotion_code.", param=place)
    if code:
        found = world.get("promotion_code", code, f"{place}[promotion_code]")
        if found["customer"] not in {None, session["customer"]} or not promotion_codes.redeemable(
            found, world.now(session)
        ):
            raise Refusal(
                f"This promotion code cannot be redeemed: {found['code']}",
                param=f"{place}[promotion_code]",
            )
        coupon = found["promotion"]["coupon"]
    terms = world.get("coupon", str(coupon), f"{place}[coupon]")
    if not redeemable(terms, world.now(session)):
        raise Refusal(f"Coupon expired: {coupon}", code="coupon_expired", param=f"{place}[coupon]")
    if terms["amount_off"] is not None and session["currency"] not in amounts_off(terms):
        raise Refusal(
            f"The coupon {coupon} has no amount in {session['currency']}.",
            param=f"{place}[coupon]",
        )
    return {"coupon": None if code else coupon, "promotion_code": code}


def enter_code(world: World, session_id: str, typed: str) -> Obj:
    """Apply the promotion code that a customer typed; an empty one takes it away again.

    Raises:
        Refusal: the session takes none, or the code cannot be redeemed here.
    """
    session = open_one(world, session_id)
    if not session["allow_promotion_codes"]:
        raise Refusal("This session takes no promotion codes.", param="promotion_code")
    refuse_begun(session)
    session["discounts"] = []
    if typed:
        found = promotion_codes.find(world, typed, session["customer"])
        if found is None:
            raise Refusal("This code is invalid.", param="promotion_code")
        entry = {"promotion_code": found["id"]}
        session["discounts"] = [_discount(world, session, entry, "discounts[0]")]
        least = found["restrictions"]["minimum_amount"]
        if least is not None and session["amount_subtotal"] < least:
            raise Refusal("This code needs a larger order.", param="promotion_code")
    set_totals(world, session)
    return session


def refuse_begun(session: Seen) -> None:
    """A try that was declined has left a subscription or an invoice: its price is fixed."""
    pending = session["_pending"] or {}
    if pending.get("subscription") or pending.get("invoice"):
        raise Refusal("The order has begun: its price is fixed.")


def open_one(world: World, ident: str) -> Obj:
    """The session, to be changed. Raises: Refusal, when it is not open any more."""
    session = world.edit(KIND, ident)
    if session["status"] != "open":
        raise Refusal(f"This Checkout Session is {session['status']}.", param="session")
    return session


@endpoint("GET /v1/checkout/sessions/{id}", "checkout.SessionRetrieveParams")
def retrieve(call: Call) -> Obj:
    return dict(call.world.get(KIND, call.path["id"]))


@endpoint(
    "GET /v1/checkout/sessions",
    "checkout.SessionListParams",
    "created customer customer_details payment_intent payment_link status subscription",
)
def list_(call: Call) -> Obj:
    names = ("customer", "payment_intent", "payment_link", "subscription")
    wanted = {name: call.params[name] for name in names if call.sent(name)}
    status, email = call.sent("status"), (call.sent("customer_details") or {}).get("email")
    among = None
    if wanted:
        name = next(iter(wanted))
        among = reversed(call.world.where(KIND, name, wanted[name]))

    def keep(session: Seen) -> bool:
        known = (session["customer_details"] or {}).get("email")
        return (
            all(session[name] == value for name, value in wanted.items())
            and (status is None or session["status"] == status)
            and (email is None or known == email)
        )

    return page(call, KIND, keep, among)


@endpoint("GET /v1/checkout/sessions/{id}/line_items", "checkout.SessionListLineItemsParams")
def list_lines(call: Call) -> Obj:
    return page_of_lines(call, call.world.get(KIND, call.path["id"]))


@endpoint("POST /v1/checkout/sessions/{id}/expire", "checkout.SessionExpireParams")
def expire(call: Call) -> Obj:
    session = call.world.edit(KIND, call.path["id"])
    if session["status"] != "open":
        raise Refusal(
            'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout '
            f"Session has a status of `{session['status']}`.",
        )
    _end(call.world, session)
    return session


@due("checkout.session.expire")
def time_out(world: World, ident: str) -> None:
    session = world.edit(KIND, ident)
    if session["status"] == "open":
        _end(world, session)


def _end(world: World, session: Obj) -> None:
    intent = world.find("payment_intent", (session["_pending"] or {}).get("intent"))
    if intent is not None and session["mode"] == "payment":
        payments.cancel(world, intent["id"])
    session |= {"status": "expired", "url": None}
    world.stop_timer("checkout.session.expire", session)
    world.emit("checkout.session.expired", session)


@only_expanded(KIND, "line_items")
def line_items(world: World, session: Seen) -> Obj | None:
    if session["mode"] == "setup":
        return None
    return shown_lines(world, session, f"/v1/checkout/sessions/{session['id']}/line_items")
