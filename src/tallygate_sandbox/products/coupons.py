"""Coupons. Source: https://docs.stripe.com/api/coupons."""

from tallygate_sandbox.api import Call, Evidence, endpoint, only_expanded, page
from tallygate_sandbox.wire.refusals import Refusal, missing_param
from tallygate_sandbox.world import Obj, Seen, World, view_of
from tallygate_sandbox.world.world import public

KIND = "coupon"
REDEEM_WITHIN = 5 * 366 * 24 * 3600  # seconds: redeem_by lies at most five years ahead


@endpoint(
    "POST /v1/coupons",
    "CouponCreateParams",
    "amount_off applies_to.products currency currency_options duration duration_in_months id "
    "max_redemptions metadata name percent_off redeem_by",
)
def create(call: Call) -> Obj:
    world, params = call.world, call.params
    ident = call.sent("id") or world.ids.token(8)
    if world.find(KIND, ident):
        raise Refusal("Coupon already exists.", code="resource_already_exists", param="id")
    _check(call)
    for product in (params.get("applies_to") or {}).get("products", []):
        world.get("product", product, "applies_to[products]")
    coupon = world.add(
        {
            "id": ident,
            "object": KIND,
            "amount_off": params.get("amount_off"),
            "created": world.now(),
            "currency": params.get("currency"),
            "duration": params.get("duration", "once"),
            "duration_in_months": params.get("duration_in_months"),
            "livemode": False,
            "max_redemptions": params.get("max_redemptions"),
            "metadata": params.get("metadata") or {},
            "name": params.get("name"),
            "percent_off": params.get("percent_off"),
            "redeem_by": params.get("redeem_by"),
            "times_redeemed": 0,
            "valid": True,
            "_applies_to": params.get("applies_to"),
            "_currency_options": params.get("currency_options") or {},
        }
    )
    world.emit("coupon.created", coupon)
    return coupon


def _check(call: Call) -> None:
    percent, amount = call.params.get("percent_off"), call.params.get("amount_off")
    if (percent is None) == (amount is None):
        raise Refusal("Pass either percent_off or amount_off.", param="percent_off")
    if percent is not None and not 0 < percent <= 100:
        raise Refusal("Invalid percent_off: must be above 0 and at most 100", param="percent_off")
    if amount is not None and amount < 1:
        raise Refusal("Invalid positive integer", param="amount_off")
    if amount is not None and not call.sent("currency"):
        raise missing_param("currency")
    if call.sent("duration") == "repeating" and not call.sent("duration_in_months"):
        raise missing_param("duration_in_months")
    if call.sent("duration") != "repeating" and call.sent("duration_in_months"):
        raise Refusal(
            "duration_in_months needs duration to be repeating.", param="duration_in_months"
        )
    redeem_by, now = call.sent("redeem_by"), call.world.now()
    if redeem_by is not None and not now < redeem_by <= now + REDEEM_WITHIN:
        raise Refusal(
            "redeem_by must lie in the future and at most five years ahead.", param="redeem_by"
        )


@endpoint("GET /v1/coupons/{id}", "CouponRetrieveParams")
def retrieve(call: Call) -> Obj:
    return dict(call.world.get(KIND, call.path["id"]))


@endpoint("POST /v1/coupons/{id}", "CouponUpdateParams", "currency_options metadata name")
def update(call: Call) -> Obj:
    coupon = call.world.edit(KIND, call.path["id"])
    call.change(coupon, "metadata", "name")
    coupon["_currency_options"] |= call.sent("currency_options", {})
    call.world.updated(coupon)
    return coupon


@endpoint("GET /v1/coupons", "CouponListParams", "created")
def list_(call: Call) -> Obj:
    return page(call, KIND)


@endpoint("DELETE /v1/coupons/{id}", "CouponDeleteParams", evidence=Evidence.DOCUMENTED)
def delete(call: Call) -> Obj:
    """Delete a coupon; who has redeemed it keeps the discount."""
    coupon = call.world.get(KIND, call.path["id"])
    call.world.emit("coupon.deleted", coupon)
    call.world.remove(KIND, coupon["id"])
    return {"id": coupon["id"], "object": KIND, "deleted": True}


@view_of(KIND)
def show(world: World, coupon: Seen) -> Obj:
    return public(coupon) | {"valid": redeemable(coupon, world.now())}


def redeemable(coupon: Seen, at: int) -> bool:
    """May it be redeemed at this instant?"""
    late = coupon["redeem_by"] is not None and at >= coupon["redeem_by"]
    most = coupon["max_redemptions"]
    return not late and (most is None or coupon["times_redeemed"] < most)


@only_expanded(KIND, "applies_to")
def applies_to(world: World, coupon: Seen) -> Obj | None:  # noqa: ARG001  # as computed fields are
    limited: Obj | None = coupon["_applies_to"]
    return limited


@only_expanded(KIND, "currency_options")
def currency_options(world: World, coupon: Seen) -> Obj:  # noqa: ARG001  # as computed fields are
    options: Obj = coupon["_currency_options"]
    return options
