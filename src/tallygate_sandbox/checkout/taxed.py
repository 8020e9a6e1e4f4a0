"""Automatic tax in Checkout: where the buyer is, as the customer says or as they fill in.

Source: https://docs.stripe.com/tax/checkout. Nothing is sold before a location is known.
"""

from tallygate_sandbox.checkout.shapes import Params
from tallygate_sandbox.checkout.totals import set_totals
from tallygate_sandbox.customers import taxation
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Obj, Seen, World


def refuse_nowhere(world: World, customer: Seen | None, params: Params) -> None:
    """Refuse a customer without a location, unless the session may ask for it.

    Raises:
        Refusal: customer_tax_location_invalid.
    """
    wanted = (params.get("automatic_tax") or {}).get("enabled")
    asks = (params.get("customer_update") or {}).get("address") == "auto"
    if customer is None or not wanted or asks:
        return
    if taxation.find(world, taxation.place_of(world, customer)).status == taxation.NO_LOCATION:
        raise Refusal(
            "Automatic tax calculation in Checkout requires a valid address on the Customer. Add "
            "a valid address to the Customer or set `customer_update[address]` to 'auto' to save "
            "the address entered in Checkout to the Customer.",
            code=taxation.INVALID,
        )


def asks_address(session: Seen) -> bool:
    """Does the page ask where the buyer is?"""
    if session["billing_address_collection"] == "required":
        return True
    return bool(session["automatic_tax"]["enabled"] and _keeps_address(session))


def _keeps_address(session: Seen) -> bool:
    """Does what is filled in become the customer's address? Else tax is that of the one known."""
    return session["customer"] is None or session["_customer_update"].get("address") == "auto"


def locate(world: World, session: Obj, address: dict[str, str] | None) -> None:
    """Take over where the buyer is, and what tax comes to there.

    Raises:
        Refusal: no location is known, or tax cannot be calculated.
    """
    if not session["automatic_tax"]["enabled"] or session["mode"] == "setup":
        return
    begun = session["_pending"] or {}
    begun_already = begun.get("subscription") or begun.get("invoice")
    if address and _keeps_address(session) and not begun_already:
        session["_place"] = dict(address)
        set_totals(world, session)
    status = session["automatic_tax"]["status"]
    if status == taxation.NO_LOCATION:
        raise Refusal(
            "Enter the address at which tax is calculated.", code=taxation.INVALID, param="address"
        )
    if status == taxation.FAILED:
        raise Refusal("Tax could not be calculated.", code="taxes_calculation_failed")
