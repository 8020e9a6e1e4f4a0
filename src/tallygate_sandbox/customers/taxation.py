"""Where a customer is for taxes, and what the account collects there.

Source: https://docs.stripe.com/tax/customer-locations: shipping address, billing address, payment
method, IP address, in this order; one that is there and not precise enough is not passed over, and
a location is needed even where nothing is collected.

What a real account registers in the dashboard, the sandbox keeps as `{"id": "taxes", "object":
"_settings", "rates": {"DE": "19", "US-NY": "8.875"}, "behavior": "exclusive", "fails": false,
"ip_countries": {"203.0.113.7": "CH"}}`: percentages by country, or country and state; how a price
is taxed that does not say; whether every calculation fails.
"""

from dataclasses import dataclass
from decimal import Decimal

from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Seen, World

KIND, NAME = "_settings", "taxes"
BEHAVIORS = ("exclusive", "inclusive")
COMPLETE, FAILED, NO_LOCATION = "complete", "failed", "requires_location_inputs"
INVALID = "customer_tax_location_invalid"


@dataclass(frozen=True, slots=True)
class Place:
    """A location as far as it is known; `source` says whence, in Stripe's words."""

    country: str | None
    state: str | None = None
    postal_code: str | None = None
    source: str = "billing_address"

    @property
    def precise(self) -> bool:
        """Is it enough? The United States need a postal code, Canada that or a province."""
        if self.country == "US":
            return bool(self.postal_code)
        if self.country == "CA":
            return bool(self.postal_code or self.state)
        return bool(self.country)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a calculation came to: its status, and the percentage, None where none is collected."""

    status: str
    place: Place | None
    percentage: Decimal | None = None


def place_of(world: World, customer: Seen | None, *methods: str | None) -> Place | None:
    """Where a customer is; of the payment methods the first that is there counts."""
    if customer is None:
        return None
    if address := (customer["shipping"] or {}).get("address"):
        return place_at(address, "shipping_destination")
    if customer["address"]:
        return place_at(customer["address"])
    usual = customer["invoice_settings"]["default_payment_method"]
    for ident in (*methods, usual, customer.get("default_source")):
        method = world.find("payment_method", ident)
        if method is not None:
            return _place_of_method(method)
    country = (_settings(world).get("ip_countries") or {}).get(customer.get("_ip_address"))
    return Place(country, source="ip_address") if country else None


def place_at(address: Seen, source: str = "billing_address") -> Place:
    country = address.get("country")
    known = (address.get("state") or None, address.get("postal_code") or None)
    return Place(country.upper() if country else None, *known, source)


def _place_of_method(method: Seen) -> Place | None:
    """The billing address of a card, completed by the country that has issued it."""
    address = (method["billing_details"] or {}).get("address") or {}
    issued = (method.get("card") or {}).get("country")
    found = place_at({**address, "country": address.get("country") or issued}, "payment_method")
    return found if found.country else None


def find(world: World, place: Place | None) -> Finding:
    """What tax is collected at a place."""
    settings = _settings(world)
    if place is None or not place.precise:
        return Finding(NO_LOCATION, place)
    if settings.get("fails"):
        return Finding(FAILED, place)
    rates = settings.get("rates") or {}
    rate = rates.get(f"{place.country}-{place.state}", rates.get(place.country))
    return Finding(COMPLETE, place, None if rate is None else Decimal(rate))


def usual_behavior(world: World) -> str:
    """How a price is taxed that does not say so itself."""
    found: str = _settings(world).get("behavior") or BEHAVIORS[0]
    return found


def refuse_nowhere(world: World, place: Place | None) -> None:
    """Raises: Refusal, customer_tax_location_invalid, where no tax can be calculated."""
    if find(world, place).status == NO_LOCATION:
        raise nowhere()


def nowhere() -> Refusal:
    return Refusal(
        "The customer's location isn't recognized. Set a valid customer address in order to "
        "automatically calculate tax.",
        code=INVALID,
    )


def _settings(world: World) -> Seen:
    return world.find(KIND, NAME) or {}
