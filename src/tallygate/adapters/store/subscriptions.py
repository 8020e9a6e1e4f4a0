"""How is a subscription kept? A row, with its phases and its coupons beside it.

`due_at` follows from the other columns (the calendar says how) and is kept so that a close finds
what is due without reading every subscription.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update

from tallygate.adapters.store.engine import Transaction
from tallygate.adapters.store.tables.contracts import (
    subscription_phases,
    subscription_redemptions,
    subscriptions,
)
from tallygate.core.errors import Conflict
from tallygate.core.period import from_micros, to_micros
from tallygate.subscriptions.calendar import due
from tallygate.subscriptions.model import Phase, Redemption, Subscription

_s, _p, _r = subscriptions, subscription_phases, subscription_redemptions


def add(tx: Transaction, subscription: Subscription) -> None:
    """Keep a new subscription."""
    tx.execute(insert(_s), _row(subscription))
    _add_parts(tx, subscription)


def save(tx: Transaction, subscription: Subscription) -> Subscription:
    """Keep a changed subscription. Gives it with its next revision.

    Raises:
        Conflict: it was changed by somebody else since it was read.
    """
    changed = replace(subscription, revision=subscription.revision + 1)
    found = tx.execute(
        update(_s)
        .where(_s.c.id == subscription.id, _s.c.revision == subscription.revision)
        .values(_row(changed))
    )
    if found.rowcount != 1:
        raise Conflict(
            f"The subscription {subscription.id} was changed at the same time: look again."
        )
    for parts in (_p, _r):
        tx.execute(delete(parts).where(parts.c.subscription == subscription.id))
    _add_parts(tx, changed)
    return changed


def get(tx: Transaction, id_: str, organization: str | None = None) -> Subscription | None:
    """A subscription; None where it is not there, or not the organization's."""
    asked = select(_s).where(_s.c.id == id_)
    if organization is not None:
        asked = asked.where(_s.c.organization == organization)
    found = _with_parts(tx, tx.execute(asked).all())
    return found[0] if found else None


def of_account(tx: Transaction, billing_account: str) -> tuple[Subscription, ...]:
    """All subscriptions that an account had, the oldest first."""
    asked = select(_s).where(_s.c.billing_account == billing_account).order_by(_s.c.started_at)
    return _with_parts(tx, tx.execute(asked).all())


def page(
    tx: Transaction,
    organization: str | None,
    *,
    billing_account: str | None = None,
    after: str = "",
    limit: int = 100,
) -> tuple[Subscription, ...]:
    """An organization's subscriptions (None: everybody's) by id, those that come after one."""
    asked = select(_s).where(_s.c.id > after)
    if organization is not None:
        asked = asked.where(_s.c.organization == organization)
    if billing_account is not None:
        asked = asked.where(_s.c.billing_account == billing_account)
    return _with_parts(tx, tx.execute(asked.order_by(_s.c.id).limit(limit)).all())


def due_by(tx: Transaction, at: datetime, billing_account: str | None = None) -> tuple[str, ...]:
    """The ids of the subscriptions whose next boundary (or end) came by then, by instant."""
    asked = select(_s.c.id).where(_s.c.due_at <= to_micros(at))
    if billing_account is not None:
        asked = asked.where(_s.c.billing_account == billing_account)
    return tuple(tx.execute(asked.order_by(_s.c.due_at, _s.c.id)).scalars())


def closed_since(
    tx: Transaction, since: datetime, billing_account: str | None = None
) -> tuple[str, ...]:
    """The ids of the subscriptions that ended since then and have had their last invoice."""
    asked = select(_s.c.id).where(_s.c.closed == 1, _s.c.ended_at >= to_micros(since))
    if billing_account is not None:
        asked = asked.where(_s.c.billing_account == billing_account)
    return tuple(tx.execute(asked.order_by(_s.c.ended_at, _s.c.id)).scalars())


def redemptions_of(tx: Transaction, coupon: str) -> int:
    """How many subscriptions of the whole installation have redeemed a coupon."""
    asked = select(func.count()).select_from(_r).where(_r.c.coupon == coupon)
    return int(tx.execute(asked).scalar_one())


def _row(subscription: Subscription) -> dict[str, Any]:
    return {
        "id": subscription.id,
        "organization": subscription.organization,
        "billing_account": subscription.billing_account,
        "currency": subscription.currency,
        "started_at": to_micros(subscription.started_at),
        "anchor": to_micros(subscription.anchor),
        "billed_until": to_micros(subscription.billed_until),
        "trial_end": _micros(subscription.trial_end),
        "cancel_at": _micros(subscription.cancel_at),
        "ended_at": _micros(subscription.ended_at),
        "revision": subscription.revision,
        "refund": int(subscription.refund),
        "closed": int(subscription.closed),
        "due_at": _micros(due(subscription)),
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
                "until": _micros(phase.until),
                "anchor": _micros(phase.anchor),
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


def _with_parts(tx: Transaction, rows: Sequence[Row[Any]]) -> tuple[Subscription, ...]:
    if not rows:
        return ()
    ids = [row.id for row in rows]
    phases = _grouped(
        tx.execute(
            select(_p).where(_p.c.subscription.in_(ids)).order_by(_p.c.subscription, _p.c.position)
        )
    )
    redeemed = _grouped(
        tx.execute(
            select(_r).where(_r.c.subscription.in_(ids)).order_by(_r.c.subscription, _r.c.position)
        )
    )
    return tuple(
        _subscription(row, phases.get(row.id, []), redeemed.get(row.id, [])) for row in rows
    )


def _grouped(rows: Iterable[Row[Any]]) -> dict[str, list[Row[Any]]]:
    found: dict[str, list[Row[Any]]] = {}
    for row in rows:
        found.setdefault(row.subscription, []).append(row)
    return found


def _subscription(row: Row[Any], phases: list[Row[Any]], redeemed: list[Row[Any]]) -> Subscription:
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
                _instant(phase.until),
                _instant(phase.anchor),
            )
            for phase in phases
        ),
        trial_end=_instant(row.trial_end),
        cancel_at=_instant(row.cancel_at),
        ended_at=_instant(row.ended_at),
        redemptions=tuple(
            Redemption(one.coupon, from_micros(one.redeemed_at), one.spent_by, one.catalog_version)
            for one in redeemed
        ),
        revision=row.revision,
        refund=bool(row.refund),
        closed=bool(row.closed),
    )


def _micros(instant: datetime | None) -> int | None:
    return None if instant is None else to_micros(instant)


def _instant(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)
