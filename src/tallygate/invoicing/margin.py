"""What did resources cost the operator for the time that they existed?

A type's cost is stated by the month or the year. A billing period costs a month, or the twelfth of
a year, and a part of it so much by the second, as counted prices are owed.
"""

from dataclasses import dataclass
from fractions import Fraction

from tallygate.core.period import Period
from tallygate.invoicing.contract import PriceLists, version_of
from tallygate.subscriptions.calendar import MONTHS, phase_at, whole_period
from tallygate.subscriptions.model import Subscription


@dataclass(frozen=True, slots=True)
class Costing:
    """By which price list, and in what part of a period, costs are told.

    `known` is the position of the log that says what existed; None: all that is there.
    """

    lists: PriceLists
    subscription: Subscription
    currency: str
    passed: Period
    known: int | None

    def rate(self, kind: str) -> Fraction | None:
        """What a resource of a type costs in a microsecond, exactly, in the main unit.

        None: the price list states no cost of it in this currency.
        """
        start = self.passed.start
        own = phase_at(self.subscription, start).catalog_version
        version = version_of(self.lists, own, kind, start)
        stated = None if version is None else self.lists.catalogs[version].resources[kind].cost
        amount = None if stated is None else stated.amount.get(self.currency)
        if stated is None or amount is None:
            return None
        whole = whole_period(self.subscription, start).microseconds
        return Fraction(amount) / (whole * MONTHS[stated.every])
