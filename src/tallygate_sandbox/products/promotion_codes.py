"""Promotion codes: what a customer types to redeem a coupon.

Source: https://docs.stripe.com/api/promotion_codes. A code is unique among the active ones,
regardless of case.
"""

import re
from string import ascii_uppercase, digits

from tallygate_sandbox.api import Call, endpoint, expandable, page
from tallygate_sandbox.wire.refusals import Refusal, missing_param
from tallygate_sandbox.world import Obj, Seen, World, index, view_of
from tallygate_sandbox.world.world import public

KIND = "promotion_code"
SPELLING = re.compile(r"[A-Za-z0-9-]{1,500}\Z")

index(KIND, "_folded")
expandable(KIND, customer="customer", promotion__coupon="coupon")


@endpoint(
    "POST /v1/promotion_codes",
    "PromotionCodeCreateParams",
    "active code customer expires_at max_redemptions metadata promotion restrictions",
)
def create(call: Call) -> Obj:
    world, params = call.world, call.params
    ident = params["promotion"].get("coupon")
    if not ident:
        raise missing_param("promotion[coupon]")
    world.get("coupon", ident, "promotion[coupon]")
    if customer := call.sent("customer"):
        world.get("customer", customer, "customer")
    code = call.sent("code") or world.ids.token(8, ascii_uppercase + digits)
    if not SPELLING.match(code):
        raise Refusal("Promotion codes consist of letters, digits and dashes.", param="code")
    if params.get("active", True) and find(world, code, customer):
        raise Refusal(
            f"An active promotion code with `code: {code}` already exists.", param="code"
        )
    restrictions = call.sent("restrictions", {})
    promotion_code = world.add(
        {
            "id": world.ids.new("promo"),
            "object": KIND,
            "active": params.get("active", True),
            "code": code,
            "created": world.now(),
            "customer": customer,
            "customer_account": None,
            "expires_at": params.get("expires_at"),
            "livemode": False,
            "max_redemptions": params.get("max_redemptions"),
            "metadata": params.get("metadata") or {},
            "promotion": {"coupon": ident, "type": "coupon"},
            "restrictions": {
                "first_time_transaction": restrictions.get("first_time_transaction", False),
                "minimum_amount": restrictions.get("minimum_amount"),
                "minimum_amount_currency": restrictions.get("minimum_amount_currency"),
            },
            "times_redeemed": 0,
            "_folded": code.casefold(),
        }
    )
    world.emit("promotion_code.created", promotion_code)
    return promotion_code


@endpoint("GET /v1/promotion_codes/{id}", "PromotionCodeRetrieveParams")
def retrieve(call: Call) -> Obj:
    return dict(call.world.get(KIND, call.path["id"]))


@endpoint("POST /v1/promotion_codes/{id}", "PromotionCodeUpdateParams", "active metadata")
def update(call: Call) -> Obj:
    promotion_code = call.world.edit(KIND, call.path["id"])
    call.change(promotion_code, "active", "metadata")
    call.world.updated(promotion_code)
    return promotion_code


@endpoint(
    "GET /v1/promotion_codes", "PromotionCodeListParams", "active code coupon created customer"
)
def list_(call: Call) -> Obj:
    world, code, coupon = call.world, call.sent("code"), call.sent("coupon")
    wanted = {k: call.params[k] for k in ("active", "customer") if k in call.params}

    def keep(found: Seen) -> bool:
        shown = world.view(found)
        return (
            all(shown[k] == v for k, v in wanted.items())
            and (code is None or found["_folded"] == code.casefold())
            and (coupon is None or found["promotion"]["coupon"] == coupon)
        )

    return page(call, KIND, keep)


@view_of(KIND)
def show(world: World, promotion_code: Seen) -> Obj:
    return public(promotion_code) | {"active": redeemable(promotion_code, world.now())}


def redeemable(promotion_code: Seen, at: int) -> bool:
    """May it be redeemed at this instant, as far as the code itself says?"""
    expires, most = promotion_code["expires_at"], promotion_code["max_redemptions"]
    return (
        promotion_code["active"]
        and (expires is None or at < expires)
        and (most is None or promotion_code["times_redeemed"] < most)
    )


def find(world: World, code: str, customer: str | None) -> Seen | None:
    """The redeemable promotion code that a customer means by what they typed."""
    for found in world.where(KIND, "_folded", code.casefold()):
        theirs = found["customer"] in {None, customer}
        if theirs and redeemable(found, world.now()):
            return found
    return None
