"""What will the next invoice say, and what does one say that is there?

The preview is the close without the save: the usage so far, and what is billed in advance at the
next boundary. `explain` tells a line in sentences and names what leads down to its events.
"""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from tallygate.adapters.store import Transaction, events, invoices, subscriptions
from tallygate.core.errors import NotFound
from tallygate.core.period import Period, instant_text
from tallygate.invoicing.model import Invoice
from tallygate.rating.explain import explain as sentences
from tallygate.rating.line import Line
from tallygate.subscriptions.calendar import due, window
from tallygate.subscriptions.life import is_live
from tallygate.subscriptions.model import Subscription
from tallygate.workflows.contracts import contract_of, find_subscription, next_closing
from tallygate.workflows.installation import Installation
from tallygate.workflows.usage_known import StoredUsage


@dataclass(frozen=True, slots=True)
class Told:
    """A line with its sentences, and the way down: which subjects, and where the events are.

    `subjects` are what the account paid for in the line's period; `events` is the path of a page
    of the events that the meter read; both are empty for a line without a meter.
    """

    line: Line
    sentences: tuple[str, ...]
    subjects: tuple[str, ...]
    events: str


def preview(
    installation: Installation,
    subscription_or_account: str,
    at: datetime | None = None,
    *,
    tenant: str | None = None,
) -> Invoice:
    """The upcoming invoice as it would be with what is known at an instant; saves nothing.

    Raises:
        NotFound: there is no such subscription, or the account has none that is to be billed.
    """
    with installation.store.read() as tx:
        return preview_in(tx, installation, subscription_or_account, at, tenant)


def preview_in(
    tx: Transaction,
    installation: Installation,
    subscription_or_account: str,
    at: datetime | None = None,
    tenant: str | None = None,
) -> Invoice:
    """The same, within a transaction."""
    at = at or installation.now
    subscription = _billable(tx, subscription_or_account, at, tenant)
    contract = contract_of(tx, installation, subscription, at)
    position = events.last_position(tx)
    invoice = next_closing(installation, contract, at, position).invoice
    return invoice or _empty(subscription, position)


def explain(
    installation: Installation, invoice: str, *, tenant: str | None = None
) -> tuple[Invoice, tuple[Told, ...]]:
    """An invoice, and each of its lines in sentences with the way down to the events.

    Raises:
        NotFound: there is no such invoice.
    """
    with installation.store.read() as tx:
        found = invoices.get(tx, invoice, tenant)
        if found is None:
            raise NotFound(f"There is no invoice {invoice[:128]!r}.", param="invoice")
        return found, explain_lines(tx, found)


def explain_lines(tx: Transaction, invoice: Invoice) -> tuple[Told, ...]:
    """The lines of an invoice, or of a preview, in sentences."""
    metered = [line.period for line in invoice.lines if line.meter is not None]
    usage: StoredUsage | None = None
    if metered:
        span = Period(min(p.start for p in metered), max(p.end for p in metered))
        subscription = find_subscription(tx, invoice.subscription)
        usage = StoredUsage(tx, subscription, span, span.end)
    told = []
    for line in invoice.lines:
        if line.meter is None or usage is None:
            told.append(Told(line, sentences(line), (), ""))
            continue
        where = {
            "billing_account": invoice.billing_account,
            "meter": line.meter,
            "from": instant_text(line.period.start),
            "to": instant_text(line.period.end),
        }
        path = f"/v1/events?{urlencode(where)}"
        told.append(Told(line, sentences(line), usage.subjects(line.period), path))
    return tuple(told)


def _billable(tx: Transaction, id_: str, at: datetime, tenant: str | None) -> Subscription:
    """The subscription itself, or the one of an account that lives or still has to be billed."""
    if not id_.startswith("bil_"):
        subscription = find_subscription(tx, id_, tenant)
        if due(subscription) is None:
            raise NotFound(f"The subscription {id_} has ended and had its last invoice.")
        return subscription
    found = [
        one
        for one in subscriptions.of_account(tx, id_)
        if due(one) is not None and tenant in (None, one.organization)
    ]
    if not found:
        raise NotFound(
            f"The billing account {id_[:128]!r} has no subscription that is to be billed."
        )
    return next((one for one in found if is_live(one, at)), found[-1])


def _empty(subscription: Subscription, position: int) -> Invoice:
    """The preview of an invoice that has nothing on it."""
    return Invoice(
        id="",
        organization=subscription.organization,
        billing_account=subscription.billing_account,
        subscription=subscription.id,
        reason="boundary",
        currency=subscription.currency,
        dated=due(subscription) or subscription.billed_until,
        period=window(subscription),
        position=position,
        lines=(),
    )
