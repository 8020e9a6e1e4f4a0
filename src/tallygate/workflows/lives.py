"""How do the life events of one transaction become the lives of resources, together?

Owns what the events of a transaction have changed and is not written yet. `learn` asks for all
that they name, in a few questions; `judge` holds one of them against that, and against what those
before it have changed; `add` lets a new one have its effect in memory; `write` writes all of it,
in a few statements. So a thousand of them cost hardly more statements than one.

Does not own the rules (`resources`), nor whether an event is new (`ingest`, which asks the log).
Nothing is written before it is judged, so what is refused leaves nothing.

On Postgres what a tenant's events name is looked up, and what they change is written, as that
tenant: the second wall stands (`walls`). What has been several organizations' is written past it,
as each keeps the part of its own time.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime

from tallygate.accounts.homes import homes_from
from tallygate.accounts.life import LifeEvent, live_on
from tallygate.accounts.model import Home, Resource
from tallygate.adapters.store import Transaction
from tallygate.adapters.store.life_rows import News, lives_of_each, save_news
from tallygate.adapters.store.walls import beyond_tenant, within_tenant
from tallygate.core.ids import IdSource
from tallygate.workflows.arrivals import Batch, Incoming
from tallygate.workflows.life_known import LifeKnown
from tallygate.workflows.once import Identity
from tallygate.workflows.resources import CREATED, LIFE, LifeChange, judge_life_event


class Lives:
    """The life events of one transaction.

    `changed` are the organizations in which a resource's life has news.
    """

    def __init__(self, tx: Transaction, ids: IdSource) -> None:
        self._tx = tx
        self._ids = ids
        self._known = LifeKnown(tx)
        self._news: dict[str, News] = {}
        self._senders: dict[str, set[str | None]] = {}
        self._past: dict[str, list[LifeEvent]] = {}
        self.changed: set[str] = set()

    def learn(self, batches: Sequence[Batch]) -> set[Identity]:
        """Look up what the life events of some batches name.

        Gives the identities that the events may have, for the log to be asked about them.
        """
        by_tenant: dict[str | None, list[Incoming]] = {}
        for batch in batches:
            told = [event for event in batch.events if event.type.startswith(LIFE)]
            if told:
                by_tenant.setdefault(batch.tenant, []).extend(told)
        for tenant, told in by_tenant.items():
            with within_tenant(self._tx, tenant):
                said = (event.data or {} for event in told if event.type == CREATED)
                self._known.learn({event.subject for event in told}, said)
        return {
            (owner, event.source, event.id)
            for told in by_tenant.values()
            for event in told
            for owner in self._owners(event)
        }

    def judge(self, event: Incoming, at: datetime, tenant: str | None) -> LifeChange:
        """What an event changes, after all that was added before it.

        Raises:
            Invalid: the event says something that it cannot mean.
            NotFound: its subject, or its project, is not there for this tenant.
            Conflict: the resource belongs to another project than the event says.
        """
        return judge_life_event(
            self._known,
            self._ids,
            source=event.source,
            id=event.id,
            type=event.type,
            subject=event.subject,
            at=at,
            fields=event.data or {},
            tenant=tenant,
        )

    def add(self, change: LifeChange, tenant: str | None) -> None:
        """Let an event that was judged, and is new, have its effect. It is written by `write`.

        Raises:
            Conflict: the organization has something else with the resource's external id; then
                nothing has changed.
        """
        resource = change.resource
        for organization, alias in change.names:
            self._known.refuse_taken_name(alias, organization)
        news = self._news.get(resource.id)
        if news is None:
            news = self._news[resource.id] = News(resource, change.born)
        if change.born:
            self._known.add(resource, change.names)
        news.homes = change.homes
        news.add(change.record)
        # Whose a moved resource is depends on when it came, and an event may change that.
        if change.homes:
            self._known.keep(self._lived(resource, change))
        self._senders.setdefault(resource.id, set()).add(tenant)
        self.changed |= {change.organization, resource.organization}

    def homes_now(self, resource_id: str) -> tuple[Home, ...]:
        """The homes of a resource whose project has moved, by what is known of it now."""
        resource = self._known.resource(resource_id)
        return homes_from(self._known.homes_of(resource.project), resource.created_at)

    def write(self) -> None:
        """Write what was added since the last time."""
        written, self._news = self._news, {}
        for tenant, some in self._by_sender(written.values()):
            with within_tenant(self._tx, tenant):
                self._keep(save_news(self._tx, some))
        moved = [one for one in written.values() if one.homes]
        if moved:
            # A life that was spent in several homes is still one: all of it is made anew.
            with beyond_tenant(self._tx):
                self._keep(save_news(self._tx, moved))
        self._senders.clear()

    def _by_sender(self, news: Iterable[News]) -> Iterator[tuple[str | None, list[News]]]:
        """What stays in one organization, by the tenant that told it; None: the platform did."""
        found: dict[str | None, list[News]] = {}
        for one in news:
            if not one.homes:
                senders = self._senders[one.resource.id]
                tenant = next(iter(senders)) if len(senders) == 1 else None
                found.setdefault(tenant, []).append(one)
        yield from found.items()

    def _keep(self, resources: Collection[Resource]) -> None:
        for resource in resources:
            self._known.keep(resource)

    def _lived(self, resource: Resource, change: LifeChange) -> Resource:
        """A resource whose project has moved, as it is after an event."""
        past = self._past.get(resource.id)
        if past is None:
            with beyond_tenant(self._tx):
                past = lives_of_each(self._tx, [resource.id]).get(resource.id, [])
            self._past[resource.id] = past
        event = change.record.event
        lived, _ = live_on(resource, past, [event])
        past.append(event)
        return lived

    def _owners(self, event: Incoming) -> set[str]:
        """The organizations whose an event may be."""
        names = [event.subject]
        if event.type == CREATED:
            names.append(str((event.data or {}).get("project")))
        return {owner for name in names for owner in self._known.owners(name)}
