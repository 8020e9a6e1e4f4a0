"""What a payment provider should hold, what it holds, and the difference.

Owns: the values that a provider can hold of a price list, what follows from a catalog for them,
what cannot be said to a provider and is rated here instead, the running totals of usage with their
stamps, the numbered steps from what is held to what should be, what is kept of our dealings with a
provider and told of them to a customer, and the protocols that a provider's adapter follows.

Does not own: any provider by name, its objects and its errors (adapters), what a line comes to
(rating), or when something is changed (workflows).

Laws: the provider is a mirror. What should be held follows from the catalog, and from the settings
of the provider's pages; a price never holds an allowance, because usage beyond it is what is
reported; a price that would come to another amount there than here is rated here; a price is never
changed, it is followed by another, and so is a payment link for what it sells; what we did not
make is never taken out of sale; the steps of what already agrees are none. A total that is
reported twice, or late, changes nothing.
"""

from tallygate.collection.comparison import Difference, compare, selling
from tallygate.collection.provider import Provider
from tallygate.collection.wanted import meter_event, what_to_hold

__all__ = ["Difference", "Provider", "compare", "meter_event", "selling", "what_to_hold"]
