"""What happens when a customer changes the plan, leaves, or comes back?

An upgrade is invoiced at once; everything else is noted and billed when its time comes. The
preview of a change is the change without the save.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from tallygate.adapters.store import Transaction, events, invoices, subscriptions
from tallygate.catalog.model import Interval
from tallygate.core.errors import Conflict
from tallygate.core.failpoints import failpoint
from tallygate.core.period import Period, instant_text
from tallygate.invoicing.assemble import change_invoice, named, spend
from tallygate.invoicing.contract import Contract, offers, plan_of
from tallygate.invoicing.model import Invoice
from tallygate.subscriptions import change as changes
from tallygate.subscriptions.calendar import due, flats_due, in_trial, phase_at, phases_in
from tallygate.subscriptions.model import Subscription
from tallygate.workflows.contracts import (
    closed_before,
    contract_of,
    find_subscription,
    latest,
)
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirrored import note_change, note_invoice
from tallygate.workflows.subscribe import plan_named


class Changed(NamedTuple):
    """A changed subscription, since when its new plan counts, and the invoice if one is due."""

    subscription: Subscription
    effective: datetime
    invoice: Invoice | None


def change_plan(
    installation: Installation,
    subscription: str,
    plan: str,
    interval: Interval | None = None,
    *,
    when: changes.When = "default",
    at: datetime | None = None,
    commit: bool = True,
    tenant: str | None = None,
) -> Changed:
    """Move a subscription to a plan of the latest price list.

    Left out, `interval` stays what it is, where the plan is sold by it. Without `commit` this is
    the preview: the same invoice, without an id.

    Raises:
        NotFound: there is no such subscription.
        Invalid: there is no such plan, or it cannot be had in this currency or interval.
        Conflict: the subscription has ended, or is on that plan already.
    """
    if not commit:
        with installation.store.read() as tx:
            found = find_subscription(tx, subscription, tenant)
            at = at or _present(installation, found)
            return _changed(tx, installation, found, plan, interval, when=when, at=at)
    with installation.store.write() as tx:
        found = find_subscription(tx, subscription, tenant)
        at = at or _present(installation, found)
        changed = _changed(tx, installation, found, plan, interval, when=when, at=at)
        value, effective, invoice = changed
        if invoice is not None:
            value, invoice = named(value, invoice, installation.ids.new("inv"))
            invoice = invoices.add(tx, invoice, installation.now)
            note_invoice(tx, installation, invoice)
        value = subscriptions.save(tx, value)
        _note(tx, installation, value, "change")
        failpoint("change.commit.before")
    failpoint("change.commit.after")
    return Changed(value, effective, invoice)


def cancel(
    installation: Installation,
    subscription: str,
    *,
    now: bool = False,
    refund: bool = False,
    at: datetime | None = None,
    tenant: str | None = None,
) -> Subscription:
    """End a subscription at the end of the base's period, or now.

    Its last invoice is made by the close, which waits for late events.

    Raises:
        NotFound: there is no such subscription.
        Conflict: it has ended, or is to end already.
        Invalid: a refund without an end that comes now.
    """
    with installation.store.write() as tx:
        found = find_subscription(tx, subscription, tenant)
        at = at or _present(installation, found)
        _check_order(tx, found, at)
        ended = subscriptions.save(tx, changes.cancel(found, at, now=now, refund=refund))
        _note(tx, installation, ended, "cancel")
        failpoint("cancel.commit.before")
    failpoint("cancel.commit.after")
    return ended


def resume(
    installation: Installation,
    subscription: str,
    *,
    at: datetime | None = None,
    tenant: str | None = None,
) -> Subscription:
    """Take back a scheduled end.

    Raises:
        NotFound: there is no such subscription.
        Conflict: it has ended, or no end is scheduled.
    """
    with installation.store.write() as tx:
        found = find_subscription(tx, subscription, tenant)
        at = at or _present(installation, found)
        resumed = subscriptions.save(tx, changes.resume(found, at))
        _note(tx, installation, resumed, "resume")
        failpoint("resume.commit.before")
    failpoint("resume.commit.after")
    return resumed


def _note(
    tx: Transaction, installation: Installation, subscription: Subscription, reason: str
) -> None:
    note_change(tx, installation, subscription.billing_account, subscription.organization, reason)


def _present(installation: Installation, subscription: Subscription) -> datetime:
    """This second; where the subscription came to its plan within it, that instant."""
    now, before = installation.now, (subscription.phases[-1].since, subscription.billed_until)
    return max([installation.this_second(), *(one for one in before if one <= now)])


def _changed(
    tx: Transaction,
    installation: Installation,
    subscription: Subscription,
    plan: str,
    interval: Interval | None,
    *,
    when: changes.When,
    at: datetime,
) -> Changed:
    """The change as it would be saved, with an invoice that has no id yet."""
    contract = contract_of(tx, installation, subscription, at)
    phase = phase_at(subscription, at)
    current = plan_of(contract, phase)
    version, wanted = phase.catalog_version, current
    if not changes.takes_back(subscription, plan, interval, at):
        version, catalog = latest(tx)
        wanted = plan_named(catalog, plan)
    _check_order(tx, subscription, at)
    chosen = interval or (
        phase.interval if phase.interval in wanted.intervals else wanted.intervals[0]
    )
    dormant = _is_dormant(contract, at)
    value = changes.change_plan(
        subscription,
        current,
        wanted,
        at,
        interval=chosen,
        catalog_version=version,
        when=when,
        dormant=dormant,
    )
    effective = max(value.phases[-1].since, at)
    begins_anew = dormant and not wanted.is_free
    upgrade = changes.is_upgrade(subscription, current, wanted, chosen, at)
    if effective != at or in_trial(value, at) or not (upgrade or begins_anew):
        return Changed(value, effective, None)
    # Boundaries that passed a moment ago, and wait for late events, are as good as billed.
    before = closed_before(tx, installation, contract, at)
    at_boundary = due(before.subscription) == at and not begins_anew
    if at_boundary and flats_due(value, at) is not None:
        # The boundary's own invoice has the new plan's flats.
        return Changed(value, effective, None)
    spent = before.subscription.redemptions
    after = replace(before, subscription=replace(value, redemptions=spent))
    invoice = change_invoice(after, at, events.last_position(tx))
    # What a boundary is foreseen to spend is its own to note, once it is closed.
    redemptions = tuple(
        one if foreseen.spent_by is not None else new
        for one, foreseen, new in zip(
            value.redemptions, spent, spend(after.subscription, invoice).redemptions, strict=True
        )
    )
    return Changed(replace(value, redemptions=redemptions), effective, invoice)


def _is_dormant(contract: Contract, at: datetime) -> bool:
    """Whether nothing that is priced was had since the last boundary, nor a plan with prices."""
    subscription = contract.subscription
    if in_trial(subscription, at):
        return False
    since = Period(subscription.billed_until, at + timedelta(microseconds=1))
    return not any(
        offers(contract, phase, contract.usage.types(part), since.start)
        for phase, part in phases_in(subscription, since)
    )


def _check_order(tx: Transaction, subscription: Subscription, at: datetime) -> None:
    """Changes come one after the other.

    Raises:
        Conflict: the subscription was invoiced for something later.
    """
    for invoice in invoices.of_subscription(tx, subscription.id, at):
        if invoice.dated > at and invoice.reason != "adjustment":
            raise Conflict(
                f"The subscription was invoiced for {instant_text(invoice.dated)} already: a "
                "change can only come later."
            )
