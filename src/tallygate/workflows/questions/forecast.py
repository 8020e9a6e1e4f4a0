"""How much will an account have used at the period's end, if it goes on as in the last days?

What was used so far, and for the time that is left what the last seven days say of so much time;
a level stays as it is. The cost is that of the period's metered lines with these quantities: the
forecast is the preview with another answer to how much was used.
"""

from datetime import datetime, timedelta
from fractions import Fraction

from tallygate.adapters.store import Transaction
from tallygate.catalog.model import Meter
from tallygate.core.period import Period
from tallygate.invoicing.contract import Types
from tallygate.subscriptions.model import Subscription
from tallygate.workflows.accounts import locate_account
from tallygate.workflows.installation import Installation
from tallygate.workflows.questions.account_usage import AccountQuestion, AccountUsage
from tallygate.workflows.usage_known import StoredUsage

LOOKED_BACK = timedelta(days=7)


class ExpectedUsage(StoredUsage):
    """Usage at the end of what is asked about, as the time up to now lets expect."""

    def __init__(
        self, tx: Transaction, subscription: Subscription, window: Period, recent: Period
    ) -> None:
        span = Period(min(window.start, recent.start), window.end)
        super().__init__(tx, subscription, span, recent.end)
        self._recent = recent

    def exactly(self, meter: Meter, part: Period, whole: Period, types: Types | None) -> Fraction:
        """The quantity so far, and what is to be expected of the rest."""
        so_far = super().exactly(meter, part, whole, types)
        ahead = Period(min(max(part.start, self._recent.end), part.end), part.end)
        if meter.is_level or not ahead.microseconds or not self._recent.microseconds:
            return so_far
        lately = super().exactly(meter, self._recent, whole, types)
        return so_far + lately * ahead.share_of(self._recent)


def forecast(
    installation: Installation, account: str, *, tenant: str | None = None
) -> AccountUsage:
    """What an account will have used in the period that is billed next, when it ends.

    `account` is our id, or the platform's own, of a billing account or an organization.

    Raises:
        NotFound: the tenant has no such account.
        Conflict: no price list was applied yet.
    """
    now = installation.now
    with installation.store.read() as tx:
        found = locate_account(tx, account, tenant)
        asked = AccountQuestion(tx, found, now)
        terms = asked.current()
        known_since = min(found.created_at, terms.subscription.started_at)
        recent = Period(_within(known_since, now), now)
        return asked.usage(terms, ExpectedUsage(tx, *terms, recent))


def _within(known_since: datetime, now: datetime) -> datetime:
    """From when on the last days tell something: an account may be younger than they are."""
    return min(max(now - LOOKED_BACK, known_since), now)
