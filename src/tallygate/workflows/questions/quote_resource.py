"""What would it cost to create a resource, to resize one, or to delete one?

Who pays, the prices that count, what is left of their allowances, the first charge and the
monthly estimate. The act is checked as the act itself would be, and then supposed: nothing is
stored.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from tallygate.accounts.homes import home_of
from tallygate.accounts.life import LifeEvent, LifeKind, fold_life
from tallygate.accounts.model import Home, PayerChange, Resource
from tallygate.accounts.payers import payer_at
from tallygate.adapters.store import Transaction, resources, subjects
from tallygate.adapters.store.former import seen_project
from tallygate.adapters.store.subjects import Subject, SubjectKind
from tallygate.adapters.store.trees import tree_of
from tallygate.core.errors import Conflict, Invalid, NotFound
from tallygate.core.period import instant_text
from tallygate.invoicing.contract import Contract
from tallygate.workflows.installation import Installation
from tallygate.workflows.life_known import LifeKnown
from tallygate.workflows.operate import RESERVED, SOURCE
from tallygate.workflows.questions.estimate import (
    Act,
    Around,
    Estimate,
    Payer,
    Priced,
    Supposition,
    check_instant,
    first_charge,
    first_month,
    read_around,
    trial_note,
)
from tallygate.workflows.questions.quote_prices import allowance_of, catalog_at, priced, touched
from tallygate.workflows.questions.quote_terms import at_once, terms_of
from tallygate.workflows.questions.supposed import SupposedLife
from tallygate.workflows.resources import LIFE, RESOURCE_PREFIX, LifeChange, read_life_event

MOST = 1000
"""So many resources are quoted for at once, at most."""

TOGETHER = (
    "A period begins with the first of them: this is what all are charged if they are created in "
    "one request. One by one, those after the first are on its next invoice."
)


class _Asked(NamedTuple):
    """What is quoted, once it is checked: the act, the lives that come of it, and the instant.

    `organization` is the one whose the project is at that instant.
    """

    act: Act
    at: datetime
    organization: str
    lives: tuple[SupposedLife, ...]
    types: frozenset[str]


def quote_creation(
    installation: Installation,
    project: str,
    type: str,  # noqa: A002  # the catalog's word
    *,
    tenant: str | None,
    count: int = 1,
    fields: Mapping[str, object] | None = None,
    running: bool = True,
    at: datetime | None = None,
    currency: str | None = None,
) -> Estimate:
    """What so many new resources of a type in a project (our id, or the platform's own) cost.

    `fields` overlay the type's spec. `currency` is asked for where the account that pays has none
    yet and the price list has several.

    Raises:
        Invalid: the type is unknown, the count is no whole number from 1 up, or a field or the
            instant is out of bounds.
        NotFound: the tenant has no such project.
        Conflict: the account that pays has a currency that a price lacks.
    """
    if isinstance(count, bool) or not 1 <= count <= MOST:
        raise Invalid(f"count must be a whole number from 1 to {MOST}.", param="count")
    said = {**_own(fields), "type": type, "running": running}
    with installation.store.read() as tx:
        home = _named(tx, project, tenant, "project")
        around = read_around(tx, tree_of(tx, home.organization))
        changes = around.tree.changes_of(home.id)
        its = around.tree.projects.get(home.id) or seen_project(tx, home.id, tenant)
        if at is None:
            after = (its.created_at, *(change.since for change in changes))
            at = installation.this_second(*after)
        check_instant(installation, at)
        said["project"] = home.id
        names = [installation.ids.new(RESOURCE_PREFIX.rstrip("_")) for _ in range(count)]
        known = _known(tx, around, home, names)
        change = _read(
            tx, installation, "created", names[0], said, at=at, tenant=tenant, known=known
        )
        first, event = change.resource, change.record.event
        lives = tuple(_life(replace(first, id=name), [event], at) for name in names)
        types = frozenset((first.type,))
        asked = _Asked("create", at, change.organization, lives, types)
        return _estimate(tx, installation, first.project, asked, currency=currency, around=around)


def quote_resize(
    installation: Installation,
    resource: str,
    *,
    tenant: str | None,
    type: str | None = None,  # noqa: A002  # the catalog's word
    fields: Mapping[str, object] | None = None,
    at: datetime | None = None,
    currency: str | None = None,
) -> Estimate:
    """What another type, or other fields, of a resource cost more or less.

    Raises:
        Invalid: nothing is changed, or the type, a field or the instant is not possible.
        NotFound: the tenant has no such resource.
        Conflict: the resource is not there at that instant, or the account that pays has a
            currency that a price lacks.
    """
    said = _own(fields)
    if type is not None:
        said["type"] = type
    if not said:
        raise Invalid("Say what changes: a type, or fields.", param="fields")
    return _quote_life(
        installation, resource, "resized", said, tenant=tenant, at=at, currency=currency
    )


def quote_deletion(
    installation: Installation,
    resource: str,
    *,
    tenant: str | None,
    at: datetime | None = None,
) -> Estimate:
    """What the deletion of a resource saves.

    Raises:
        Invalid: the instant is not possible.
        NotFound: the tenant has no such resource.
        Conflict: the resource is not there at that instant.
    """
    return _quote_life(installation, resource, "deleted", {}, tenant=tenant, at=at)


def _quote_life(
    installation: Installation,
    name: str,
    kind: LifeKind,
    said: dict[str, object],
    *,
    tenant: str | None,
    at: datetime | None,
    currency: str | None = None,
) -> Estimate:
    with installation.store.read() as tx:
        subject = _named(tx, name, tenant, "resource")
        life = resources.life_of(tx, subject.id)
        if at is None:
            at = installation.this_second(*(event.at for event in life))
        check_instant(installation, at)
        around = read_around(tx, tree_of(tx, subject.organization))
        known = _known(tx, around, subject)
        change = _read(tx, installation, kind, subject.id, said, at=at, tenant=tenant, known=known)
        resource, event = change.resource, change.record.event
        there = [one for one in fold_life(resource.id, life) if one.since <= at]
        if not there or (there[-1].until is not None and there[-1].until <= at):
            raise Conflict(
                f"The resource {resource.id} is not there at {instant_text(at)}: it costs nothing "
                "then, and nothing of it can be changed.",
                param="resource",
            )
        types = frozenset((there[-1].type, event.type or there[-1].type))
        act: Act = "delete" if kind == "deleted" else "resize"
        lives = (_life(resource, [*life, event], at),)
        asked = _Asked(act, at, change.organization, lives, types)
        return _estimate(
            tx, installation, resource.project, asked, currency=currency, around=around
        )


def _estimate(
    tx: Transaction,
    installation: Installation,
    project: str,
    asked: _Asked,
    *,
    currency: str | None,
    around: Around,
) -> Estimate:
    at = asked.at
    if around.tree.organization.id != asked.organization:  # the project was elsewhere then
        around = around._replace(tree=tree_of(tx, asked.organization))
    tree = around.tree
    organization, changes = tree.organization, tree.changes_of(project)
    account = tree.accounts[payer_at(changes, organization, at)]
    terms = terms_of(
        tx, installation, account, asked.lives, at=at, currency=currency, around=around
    )
    before, after = terms.before, terms.after
    states = [state for life in asked.lives[:1] for state in life.states]
    offered = touched([after, before], asked.types, states, at)
    prices = tuple(priced(after, offer, after.currency) for offer in offered)
    # What is left is told as it is before the act.
    left = (allowance_of(before, offer, at) for offer in offered)
    supposed = Supposition(before, after, at)
    charge = at_once(after) if terms.begins else None
    return Estimate(
        act=asked.act,
        at=at,
        organization=organization.id,
        payer=Payer(
            account,
            after.currency,
            _why(changes, at),
            after.subscription.id or None,
            terms.plan,
            terms.begins,
        ),
        prices=prices,
        allowances=tuple(one for one in left if one is not None),
        first_charge=charge or first_charge(installation, supposed),
        monthly=first_month(supposed),
        notes=(
            *terms.notes,
            *((TOGETHER,) if terms.begins and len(asked.lives) > 1 else ()),
            *_free_notes(after, asked, prices),
            *_later_notes(changes, tree.homes_of(project), at),
            *trial_note(after.subscription, at),
        ),
    )


def _free_notes(contract: Contract, asked: _Asked, prices: Sequence[Priced]) -> Iterable[str]:
    """A sentence for each type that has no price of its own."""
    catalog = catalog_at(contract, asked.at)
    for key in sorted(asked.types):
        kind = catalog.resources.get(key)
        if kind is None or kind.price is not None:
            continue
        if prices:
            yield f"The type {key} has no price of its own; what meters read of it counts."
        else:
            yield f"The type {key} has no price: it is free of charge."


def _later_notes(
    changes: Iterable[PayerChange], homes: Sequence[Home], at: datetime
) -> Iterable[str]:
    """A sentence where somebody else pays, soon after the instant: that is not in the numbers."""
    left = home_of(homes, at).until if homes else None
    if left is not None:
        yield (
            f"The project moved to another organization on {instant_text(left)}: what it costs "
            "from then on is charged there."
        )
    told = [one.since for one in changes if one.since > at and (left is None or one.since < left)]
    if told:
        yield (
            f"The payer of the project changes on {instant_text(min(told))}: what it costs from "
            "then on is charged to that account."
        )


def _why(changes: Sequence[PayerChange], at: datetime) -> str:
    past = [change for change in changes if change.since <= at]
    last = max(past, key=lambda change: change.since, default=None)
    if last is None or last.billing_account is None:
        return "The project names no payer: its organization's own account pays."
    return f"The project has named this payer since {instant_text(last.since)}."


def _read(
    tx: Transaction,
    installation: Installation,
    kind: LifeKind,
    subject: str,
    said: Mapping[str, object],
    *,
    at: datetime,
    tenant: str | None,
    known: LifeKnown,
) -> LifeChange:
    """The event that the act would be, checked as every event is."""
    return read_life_event(
        tx,
        installation.ids,
        source=SOURCE,
        id=installation.ids.new("evt"),
        type=LIFE + kind,
        subject=subject,
        at=at,
        fields=said,
        tenant=tenant,
        known=known,
    )


def _known(
    tx: Transaction, around: Around, subject: Subject, made: Collection[str] = ()
) -> LifeKnown:
    """What is known of a project or a resource already, and of ids that were made just now."""
    moves = bool(around.tree.homes)
    known = LifeKnown(tx, catalog=around.newest, moves=moves)
    if not moves:
        known.tell(subject, made)
    return known


def _life(resource: Resource, events: Iterable[LifeEvent], at: datetime) -> SupposedLife:
    return SupposedLife(resource.id, resource.project, at, fold_life(resource.id, events))


def _named(tx: Transaction, name: str, tenant: str | None, kind: SubjectKind) -> Subject:
    try:
        return subjects.resolve_subject(tx, name, tenant, kind)
    except NotFound:
        raise NotFound(f"There is no {kind} {name[:128]!r}.", param=kind) from None


def _own(fields: Mapping[str, object] | None) -> dict[str, object]:
    """The caller's fields, none of which may be one of those that have a meaning of their own."""
    for name in RESERVED:
        if fields and name in fields:
            raise Invalid(f"{name} is not one of the fields: give it beside them.", param="fields")
    return dict(fields or {})
