"""How is a subscription kept? A row, with its phases and its coupons beside it.

`due_at` follows from the other columns (the calendar says how) and is kept so that a close finds
what is due without reading every subscription.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import (
    bindparam,
    delete,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    union_all,
    update,
)

from tallygate.adapters.store import rows
from tallygate.adapters.store.engine import Transaction
from tallygate.adapters.store.rows import AnyRow, instant_of, micros_of
from tallygate.adapters.store.tables.contracts import (
    invoices,
    subscription_phases,
    subscription_redemptions,
    subscriptions,
)
from tallygate.adapters.store.walls import beyond_tenant
from tallygate.catalog.model import Interval
from tallygate.core.errors import Conflict
from tallygate.core.period import from_micros, to_micros
from tallygate.subscriptions.calendar import due
from tallygate.subscriptions.model import Phase, Redemption, Subscription

_s, _p, _r = subscriptions, subscription_phases, subscription_redemptions

# Asked so often that making the question anew would take longer than answering it.
_BY_ID = select(_s).where(_s.c.id.in_(bindparam("ids", expanding=True)))
_OF_ACCOUNTS = (
    select(_s)
    .where(_s.c.billing_account.in_(bindparam("accounts", expanding=True)))
    .order_by(_s.c.billing_account, _s.c.started_at)
)
_CHANGE = (
    update(_s)
    .where(_s.c.id == bindparam("old_id"), _s.c.revision == bindparam("old_revision"))
    .values({column: bindparam(f"new_{column.name}") for column in _s.columns})
)
# Phases and redemptions in one question: a redemption's row begins as a phase's does.
_PARTS = union_all(
    select(
        literal("phase").label("part"),
        *(_p.c.subscription, _p.c.position, _p.c.plan, _p.c.interval, _p.c.catalog_version),
        *(_p.c.since, _p.c.until, _p.c.anchor),
    ).where(_p.c.subscription.in_(bindparam("ids", expanding=True))),
    select(
        literal("redemption"),
        *(_r.c.subscription, _r.c.position, _r.c.coupon, _r.c.spent_by, _r.c.catalog_version),
        *(_r.c.redeemed_at, null(), null()),
    ).where(_r.c.subscription.in_(bindparam("ids", expanding=True))),
).order_by("subscription", "position")


def add(tx: Transaction, subscription: Subscription) -> None:
    """Keep a new subscription."""
    tx.execute(insert(_s), _row(subscription))
    _add_parts(tx, subscription)


def save(
    tx: Transaction, subscription: Subscription, before: Subscription | None = None
) -> Subscription:
    """Keep a changed subscription. Gives it with its next revision.

    Where it is known how it was `before`, phases and coupons that are the same stay as they are.

    Raises:
        Conflict: it was changed by somebody else since it was read.
    """
    return save_all(tx, [(subscription, before)])[0]


def save_all(
    tx: Transaction, changes: Sequence[tuple[Subscription, Subscription | None]]
) -> list[Subscription]:
    """Keep changed subscriptions, each with what it was before, as `save` does, at once.

    Raises:
        Conflict: one was changed by somebody else since it was read.
    """
    if not changes:
        return []
    changed = [replace(one, revision=one.revision + 1) for one, _ in changes]
    found = tx.execute(
        _CHANGE,
        [
            {"old_id": one.id, "old_revision": one.revision - 1}
            | {f"new_{name}": value for name, value in _row(one).items()}
            for one in changed
        ],
    )
    if found.rowcount != len(changed):
        ids = ", ".join(one.id for one in changed)
        which = "The subscription" if len(changed) == 1 else "One of the subscriptions"
        raise Conflict(f"{which} {ids} was changed at the same time: look again.")
    for one, (_, before) in zip(changed, changes, strict=True):
        if before is None or (before.phases, before.redemptions) != (one.phases, one.redemptions):
            for parts in (_p, _r):
                tx.execute(delete(parts).where(parts.c.subscription == one.id))
            _add_parts(tx, one)
    return changed


def get(tx: Transaction, id_: str, organization: str | None = None) -> Subscription | None:
    """A subscription; None where it is not there, or not the organization's."""
    row = rows.get(tx, _s, id_, organization)
    return None if row is None else _with_parts(tx, [row])[0]


def by_ids(tx: Transaction, ids: Collection[str]) -> dict[str, Subscription]:
    """Those of some subscriptions that are there, by id."""
    found = _with_parts(tx, tx.execute(_BY_ID, {"ids": list(ids)}).all())
    return {one.id: one for one in found}


def of_account(tx: Transaction, billing_account: str) -> tuple[Subscription, ...]:
    """All subscriptions that an account had, the oldest first."""
    return of_accounts(tx, [billing_account]).get(billing_account, ())


def of_accounts(tx: Transaction, accounts: Collection[str]) -> dict[str, tuple[Subscription, ...]]:
    """All subscriptions that each of some accounts had, the oldest first, by account."""
    found = _with_parts(tx, tx.execute(_OF_ACCOUNTS, {"accounts": list(accounts)}).all())
    grouped = groupby(found, attrgetter("billing_account"))
    return {account: tuple(theirs) for account, theirs in grouped}


def never_billed(
    tx: Transaction, organizations: Collection[str], plans: Collection[str]
) -> tuple[Subscription, ...]:
    """The organizations' subscriptions on certain plans that go on and have no invoice yet."""
    billed = select(invoices.c.id).where(invoices.c.subscription == _s.c.id).exists()
    asked = (
        select(_s)
        .join_from(_s, _p, _p.c.subscription == _s.c.id)
        .where(
            _s.c.organization.in_(organizations),
            _s.c.closed == 0,
            _s.c.ended_at.is_(None),
            _p.c.until.is_(None),
            _p.c.plan.in_(plans),
            ~billed,
        )
        .order_by(_s.c.id)
    )
    return _with_parts(tx, tx.execute(asked).all())


def page(
    tx: Transaction,
    organization: str | None,
    *,
    billing_account: str | None = None,
    after: str | None = None,
    limit: int = 100,
) -> tuple[Subscription, ...]:
    """An organization's subscriptions (None: everybody's) by id, those that come after one."""
    its = rows.within(_s.c.billing_account, billing_account)
    return _with_parts(tx, rows.listed(tx, _s, organization, after, limit, its))


def due_by(tx: Transaction, at: datetime, billing_account: str | None = None) -> dict[str, str]:
    """The ids of the subscriptions whose next boundary (or end) came by then, by instant.

    Each with the account that it is of.
    """
    its = rows.within(_s.c.billing_account, billing_account)
    asked = select(_s.c.id, _s.c.billing_account).where(_s.c.due_at <= to_micros(at), its)
    found = tx.execute(asked.order_by(_s.c.due_at, _s.c.id))
    return {row.id: row.billing_account for row in found}


def closed_since(
    tx: Transaction, since: datetime, billing_account: str | None = None
) -> tuple[str, ...]:
    """The ids of the subscriptions that ended since then and have had their last invoice."""
    its = rows.within(_s.c.billing_account, billing_account)
    asked = select(_s.c.id).where(_s.c.closed == 1, _s.c.ended_at >= to_micros(since), its)
    return tuple(tx.execute(asked.order_by(_s.c.ended_at, _s.c.id)).scalars())


def redemptions_of(tx: Transaction, coupon: str) -> int:
    """How many subscriptions of the whole installation have redeemed a coupon."""
    asked = select(func.count()).select_from(_r).where(_r.c.coupon == coupon)
    with beyond_tenant(tx):
        return int(tx.execute(asked).scalar_one())


class LiveTerms(NamedTuple):
    """How many live subscriptions of an organization are on the same terms."""

    organization: str
    plan: str
    interval: Interval
    catalog_version: int
    subscriptions: int


def live_terms(tx: Transaction, at: datetime) -> tuple[LiveTerms, ...]:
    """The terms that hold at an instant for all subscriptions that have not ended, counted."""
    micros = to_micros(at)
    terms = (_s.c.organization, _p.c.plan, _p.c.interval, _p.c.catalog_version)
    asked = (
        select(*terms, func.count())
        .join_from(_s, _p, _p.c.subscription == _s.c.id)
        .where(
            or_(_s.c.cancel_at.is_(None), _s.c.cancel_at > micros),  # an end closes its phase
            _p.c.since <= micros,
            or_(_p.c.until.is_(None), _p.c.until > micros),
        )
        .group_by(*terms)
        .order_by(*terms)
    )
    return tuple(LiveTerms(*row) for row in tx.execute(asked))


def _row(subscription: Subscription) -> dict[str, Any]:
    return {
        "id": subscription.id,
        "organization": subscription.organization,
        "billing_account": subscription.billing_account,
        "currency": subscription.currency,
        "started_at": to_micros(subscription.started_at),
        "anchor": to_micros(subscription.anchor),
        "billed_until": to_micros(subscription.billed_until),
        "trial_end": micros_of(subscription.trial_end),
        "cancel_at": micros_of(subscription.cancel_at),
        "ended_at": micros_of(subscription.ended_at),
        "revision": subscription.revision,
        "refund": int(subscription.refund),
        "closed": int(subscription.closed),
        "due_at": micros_of(due(subscription)),
    }


def _add_parts(tx: Transaction, subscription: Subscription) -> None:
    whose = {"subscription": subscription.id, "organization": subscription.organization}
    tx.execute(
        insert(_p),
        [
            {
                **whose,
                "position": place,
                "plan": phase.plan,
                "interval": phase.interval,
                "catalog_version": phase.catalog_version,
                "since": to_micros(phase.since),
                "until": micros_of(phase.until),
                "anchor": micros_of(phase.anchor),
            }
            for place, phase in enumerate(subscription.phases)
        ],
    )
    if subscription.redemptions:
        tx.execute(
            insert(_r),
            [
                {
                    **whose,
                    "position": place,
                    "coupon": redemption.coupon,
                    "redeemed_at": to_micros(redemption.redeemed_at),
                    "spent_by": redemption.spent_by,
                    "catalog_version": redemption.catalog_version,
                }
                for place, redemption in enumerate(subscription.redemptions)
            ],
        )


def _with_parts(tx: Transaction, found: Sequence[AnyRow]) -> tuple[Subscription, ...]:
    if not found:
        return ()
    parts = rows.by_owner(tx.execute(_PARTS, {"ids": [row.id for row in found]}), "subscription")
    return tuple(_subscription(row, parts.get(row.id, ())) for row in found)


def _subscription(row: AnyRow, parts: Sequence[AnyRow]) -> Subscription:
    """The subscription of a row; `parts` are its phases and redemptions, in their order."""
    return Subscription(
        id=row.id,
        organization=row.organization,
        billing_account=row.billing_account,
        currency=row.currency,
        started_at=from_micros(row.started_at),
        anchor=from_micros(row.anchor),
        billed_until=from_micros(row.billed_until),
        phases=tuple(
            Phase(
                phase.plan,
                phase.interval,
                phase.catalog_version,
                from_micros(phase.since),
                instant_of(phase.until),
                instant_of(phase.anchor),
            )
            for phase in parts
            if phase.part == "phase"
        ),
        trial_end=instant_of(row.trial_end),
        cancel_at=instant_of(row.cancel_at),
        ended_at=instant_of(row.ended_at),
        redemptions=tuple(
            Redemption(one.plan, from_micros(one.since), one.interval, one.catalog_version)
            for one in parts
            if one.part == "redemption"
        ),
        revision=row.revision,
        refund=bool(row.refund),
        closed=bool(row.closed),
    )
