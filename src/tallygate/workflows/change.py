"""What happens when a customer changes the plan, leaves, or comes back?

An upgrade is invoiced at once; everything else is noted and billed when its time comes. The
preview of a change is the change without the save.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from tallygate.adapters.store import Transaction, events, invoices, mirrors, subscriptions
from tallygate.adapters.store.catalogs import versions
from tallygate.catalog.model import Interval
from tallygate.core.errors import Conflict, Invalid
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
    next_closing,
)
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirrored import note_change, note_invoice
from tallygate.workflows.subscribe import plan_named, refuse_uncollected

PREVIEW_HOLDS = timedelta(minutes=15)


class Changed(NamedTuple):
    """A changed subscription, since when its new plan counts, and the invoice if one is due.

    `at` is the instant of the change, which may count later.
    """

    subscription: Subscription
    effective: datetime
    invoice: Invoice | None
    at: datetime


class Foreseen(NamedTuple):
    """A subscription with its end, as of `at`, and its last invoice with what is known then.

    None: the end is to come, or nothing is owed.
    """

    subscription: Subscription
    at: datetime
    invoice: Invoice | None


class _Wish(NamedTuple):
    """What a subscription is to change to; `collect` is None where it is only asked about."""

    plan: str
    interval: Interval | None
    when: changes.When
    collect: bool | None


def change_plan(
    installation: Installation,
    subscription: str,
    plan: str,
    interval: Interval | None = None,
    *,
    when: changes.When = "default",
    at: datetime | None = None,
    previewed: datetime | None = None,
    collect: bool = True,
    commit: bool = True,
    tenant: str | None = None,
) -> Changed:
    """Move a subscription to a plan of the latest price list.

    Left out, `interval` stays what it is, where the plan is sold by it. Without `commit` this is
    the preview: the same invoice, without an id. `previewed` is the instant of a preview that was
    agreed to: the change is made as of then, and comes to what the preview said. `collect=False`
    says that the account is billed elsewhere, where there is a payment provider.

    Raises:
        NotFound: there is no such subscription.
        Invalid: there is no such plan, or it cannot be had in this currency or interval.
        Conflict: the subscription has ended, or is on that plan already; or nobody would collect
            what the plan costs (`purchase_needed`); or the preview is too old (`stale_preview`).
    """
    wish = _Wish(plan, interval, when, collect)
    if not commit:
        with installation.store.read() as tx:
            found = find_subscription(tx, subscription, tenant)
            at = at or _instant(tx, installation, found, previewed)
            return _changed(tx, installation, found, wish, at)
    with installation.store.write() as tx:
        found = find_subscription(tx, subscription, tenant)
        at = at or _instant(tx, installation, found, previewed)
        changed = _changed(tx, installation, found, wish, at)
        value, effective, invoice, _ = changed
        if invoice is not None:
            value, invoice = named(value, invoice, installation.ids.new("inv"))
            invoice = invoices.add(tx, invoice, installation.now)
            note_invoice(tx, installation, invoice)
        value = subscriptions.save(tx, value)
        _note(tx, installation, value, "change")
        failpoint("change.commit.before")
    failpoint("change.commit.after")
    return Changed(value, effective, invoice, at)


def foresee_change(
    tx: Transaction,
    installation: Installation,
    subscription: Subscription,
    plan: str,
    interval: Interval | None = None,
    *,
    when: changes.When = "default",
    at: datetime | None = None,
) -> Changed:
    """What `change_plan` would come to, whoever collects it; nothing is saved.

    Raises:
        Invalid, Conflict: as `change_plan` does, but for who collects.
    """
    at = at or _present(installation, subscription)
    return _changed(tx, installation, subscription, _Wish(plan, interval, when, None), at)


def cancel(
    installation: Installation,
    subscription: str,
    *,
    now: bool = False,
    refund: bool = False,
    at: datetime | None = None,
    previewed: datetime | None = None,
    tenant: str | None = None,
) -> Subscription:
    """End a subscription at the end of the base's period, or now.

    Its last invoice is made by the close, which waits for late events. `previewed` is the instant
    of a preview that was agreed to, as in `change_plan`.

    Raises:
        NotFound: there is no such subscription.
        Conflict: it has ended, or is to end already; or the preview is too old.
        Invalid: a refund without an end that comes now.
    """
    with installation.store.write() as tx:
        found = find_subscription(tx, subscription, tenant)
        at = at or _instant(tx, installation, found, previewed)
        _check_order(tx, found, at)
        ended = subscriptions.save(tx, changes.cancel(found, at, now=now, refund=refund))
        _note(tx, installation, ended, "cancel")
        failpoint("cancel.commit.before")
    failpoint("cancel.commit.after")
    return ended


def foresee_end(
    installation: Installation,
    subscription: str,
    *,
    now: bool = False,
    refund: bool = False,
    previewed: datetime | None = None,
    tenant: str | None = None,
) -> Foreseen:
    """What ending a subscription would come to; nothing is saved.

    Raises:
        NotFound, Conflict, Invalid: as `cancel` does.
    """
    with installation.store.read() as tx:
        found = find_subscription(tx, subscription, tenant)
        at = _instant(tx, installation, found, previewed)
        _check_order(tx, found, at)
        ended = changes.cancel(found, at, now=now, refund=refund)
        if not now:
            return Foreseen(ended, at, None)
        # Boundaries that passed a moment ago, and wait for late events, are as good as billed.
        before = closed_before(tx, installation, contract_of(tx, installation, found, at), at)
        last = replace(
            before, subscription=changes.cancel(before.subscription, at, now=True, refund=refund)
        )
        invoice = next_closing(installation, last, at, events.last_position(tx)).invoice
    return Foreseen(ended, at, invoice)


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


def _instant(
    tx: Transaction,
    installation: Installation,
    subscription: Subscription,
    previewed: datetime | None,
) -> datetime:
    """When a change comes: now, or at the instant of the preview that was agreed to.

    Raises:
        Invalid: that instant lies in the future.
        Conflict: so much time has passed, or the price list has changed, that the preview holds no
            more (code `stale_preview`).
    """
    if previewed is None:
        return _present(installation, subscription)
    if previewed > installation.now:
        raise Invalid("`at` is the instant of a preview: it lies in the future.", param="at")
    applied = max(versions(tx).values(), default=previewed)
    if installation.now - previewed > PREVIEW_HOLDS or applied > previewed:
        minutes = PREVIEW_HOLDS // timedelta(minutes=1)
        raise Conflict(
            f"A preview holds for {minutes} minutes, and as long as the price list stays: ask for "
            "a new one, and show what it comes to.",
            param="at",
            code="stale_preview",
        )
    return previewed


def _present(installation: Installation, subscription: Subscription) -> datetime:
    """This second; where the subscription came to its plan within it, that instant."""
    now, before = installation.now, (subscription.phases[-1].since, subscription.billed_until)
    return max([installation.this_second(), *(one for one in before if one <= now)])


def _changed(
    tx: Transaction,
    installation: Installation,
    subscription: Subscription,
    wish: _Wish,
    at: datetime,
) -> Changed:
    """The change as it would be saved, with an invoice that has no id yet."""
    contract = contract_of(tx, installation, subscription, at)
    phase = phase_at(subscription, at)
    current = plan_of(contract, phase)
    version, wanted = phase.catalog_version, current
    if not changes.takes_back(subscription, wish.plan, wish.interval, at):
        version, catalog = latest(tx)
        wanted = plan_named(catalog, wish.plan)
    _check_order(tx, subscription, at)
    collected = mirrors.of_subscription(tx, subscription.id) is not None
    if current.is_free and wish.collect is not None and not collected:
        payer = subscription.billing_account
        refuse_uncollected(tx, installation, payer, wanted, collect=wish.collect)
    chosen = wish.interval or (
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
        when=wish.when,
        dormant=dormant,
    )
    effective = max(value.phases[-1].since, at)
    begins_anew = dormant and not wanted.is_free
    upgrade = changes.is_upgrade(subscription, current, wanted, chosen, at)
    if effective != at or in_trial(value, at) or not (upgrade or begins_anew):
        return Changed(value, effective, None, at)
    # Boundaries that passed a moment ago, and wait for late events, are as good as billed.
    before = closed_before(tx, installation, contract, at)
    at_boundary = due(before.subscription) == at and not begins_anew
    if at_boundary and flats_due(value, at) is not None:
        # The boundary's own invoice has the new plan's flats.
        return Changed(value, effective, None, at)
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
    return Changed(replace(value, redemptions=redemptions), effective, invoice, at)


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
