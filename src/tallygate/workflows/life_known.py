"""What is known of that which life events name, while they are judged?

`learn` asks the database once for what many events name: the names, the resources, the projects
and where these have been, the catalog. Answers come out of that, so that the rules in `resources`
ask nothing more, and out of what the events before have brought: `add` and `keep` tell of it,
before any of it is written.
"""

from collections.abc import Collection, Iterable, Mapping

from tallygate.accounts.model import Home, Resource
from tallygate.adapters.store import Transaction, catalogs, homes, life_rows, subjects, walls
from tallygate.adapters.store.subjects import Subject, SubjectKind
from tallygate.catalog.model import Catalog

RESOURCE_PREFIX = "res_"
NAMING = ("project", "external_id")
"""The fields of an event in which it may name something, beside its subject."""


class LifeKnown:
    """What some life events name, as the database has it, and as they have changed it so far."""

    def __init__(
        self, tx: Transaction, *, catalog: Catalog | None = None, moves: bool | None = None
    ) -> None:
        """Where they are known: the newest catalog, and whether what is named may have moved."""
        self._tx = tx
        self._names: dict[str, dict[str, Subject]] = {}
        self._resources: dict[str, Resource] = {}
        self._projects: dict[str, str] = {}
        self._homes: dict[str, tuple[Home, ...]] = {}
        self._taken: set[str] = set()
        self._told: set[str] = set()
        self._moves = moves
        self._catalog = catalog

    def tell(self, subject: Subject, made: Collection[str] = ()) -> None:
        """Take as known what our own id of something that never moved means.

        So with ids that were `made` just now: nothing has them.
        """
        self._names.setdefault(subject.id, {})[subject.organization] = subject
        if subject.kind == "project":
            self._projects[subject.id] = subject.organization
        self._told.update((subject.id, *made))

    def learn(self, named: Collection[str], said: Iterable[Mapping[str, object]]) -> None:
        """Look up what events name as their subject, and in what creations say.

        The transaction sees what their sender may see.
        """
        names = {*named}
        for fields in said:
            values = (fields.get(name) for name in NAMING)
            names.update(value for value in values if isinstance(value, str))
        if self._moves is None:
            self._moves = homes.any_moved(self._tx)
        if self._catalog is None:
            found = catalogs.latest_catalog(self._tx)
            self._catalog = None if found is None else found[1]
        self._look_up(names - self._told)
        its = {one for name in names for one in self._names.get(name, {}).values()}
        there = life_rows.resources_among(
            self._tx, {one.id for one in its if one.kind == "resource"}
        )
        self._resources.update(there)
        projects = {one.id for one in its if one.kind == "project"}
        unknown = projects - self._projects.keys()
        self._projects.update(life_rows.owners_of(self._tx, unknown))
        self._see_ids({*named} - self._told)
        if self._moves:
            projects.update(resource.project for resource in there.values())
            moved = homes.homes_of_each(self._tx, projects)
            self._homes.update(moved)
            if moved:  # what is new in such a project is known to all who had it
                with walls.beyond_tenant(self._tx):
                    self._look_up(names)

    def find(
        self, alias: str, tenant: str | None, kind: SubjectKind | None = None
    ) -> Subject | None:
        """What a name means for a tenant, or (None) anywhere, as `subjects.find_subject` says it.

        Raises:
            Invalid: several organizations use the name; only our own id can tell them apart.
        """
        known = self._names.get(alias, {})
        if tenant is not None:
            found = [known[tenant]] if tenant in known else []
        else:
            found = [one for one in known.values() if self._is_here(one)]
        if kind is not None:
            found = [one for one in found if one.kind == kind]
        return subjects.meant(alias, sorted(found, key=_organizations_first))

    def refuse_taken_name(self, alias: str, organization: str) -> None:
        """Make sure that a name is free in an organization.

        Raises:
            Conflict: it names something else.
        """
        if organization in self._names.get(alias, {}):
            raise subjects.taken(alias)

    def resource(self, resource_id: str) -> Resource:
        """A resource that a name means."""
        return self._resources[resource_id]

    def exists(self, resource_id: str) -> bool:
        """Whether any organization has a resource with this id."""
        return resource_id in self._taken or resource_id in self._resources

    def homes_of(self, project: str) -> tuple[Home, ...]:
        """All homes of a project, in order; none where it never moved."""
        return self._homes.get(project, ())

    def owners(self, name: str) -> set[str]:
        """All organizations that have a name, and those that had what it means."""
        found = self._names.get(name, {})
        had: set[str] = set()
        for one in found.values() if self._homes else ():
            its = self._resources.get(one.id)
            had.update(home.organization for home in self.homes_of(its.project if its else one.id))
        return had | found.keys()

    @property
    def catalog(self) -> Catalog | None:
        """The newest catalog, if there is one."""
        return self._catalog

    def add(self, resource: Resource, names: Iterable[tuple[str, str]]) -> None:
        """Know a resource that an event has brought, under (organization, alias)."""
        self.keep(resource)
        for organization, alias in names:
            subject = Subject(resource.id, organization, "resource")
            self._names.setdefault(alias, {})[organization] = subject

    def keep(self, resource: Resource) -> None:
        """Know what a resource is by now."""
        self._resources[resource.id] = resource

    def _look_up(self, names: Collection[str]) -> None:
        for alias, subject in life_rows.named(self._tx, names):
            self._names.setdefault(alias, {})[subject.organization] = subject

    def _see_ids(self, named: Collection[str]) -> None:
        """Which of our ids are there, whoever has them: an id is one thing's."""
        ours = (name for name in named if name.startswith(RESOURCE_PREFIX))
        unseen = [name for name in ours if name not in self._names]
        if unseen:
            with walls.beyond_tenant(self._tx):
                self._taken.update(life_rows.resources_among(self._tx, unseen))

    def _is_here(self, subject: Subject) -> bool:
        """Whether a name is not one that a former organization has kept."""
        if subject.kind == "project":
            return self._projects.get(subject.id) == subject.organization
        if subject.kind == "resource":
            return self._resources[subject.id].organization == subject.organization
        return True


def _organizations_first(subject: Subject) -> bool:
    return subject.kind != "organization"
