"""How long do "who pays" and a quote take among a million resources in 10,000 organizations?

Each organization has a subscription, two projects, one of which another account pays for, and a
hundred resources of two types: one is counted, and a meter reads both. They are written as rows,
past the workflows, which takes a minute in place of hours. The bound is a read transaction that
asks one question.

    python -m benchmarks resources
"""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert

from benchmarks.ingestion import ENGINES, fresh
from tallygate.accounts.payers import payer_at
from tallygate.adapters.store import Store, accounts, events, subjects
from tallygate.adapters.store.tables import accounts as t
from tallygate.adapters.store.tables import contracts as c
from tallygate.app import settle_in
from tallygate.core.ids import IdSource
from tallygate.core.period import add_months, to_micros
from tallygate.testing import FrozenClock, repeatable_bits
from tallygate.workflows.installation import Installation
from tallygate.workflows.publish import apply
from tallygate.workflows.questions.quote_resource import quote_creation, quote_deletion

START = datetime(2026, 3, 1, tzinfo=UTC)
NOW = START + timedelta(days=11, hours=7, minutes=3)
EACH = 100
"""So many resources an organization has."""
TOGETHER = 100
ASKED = 1000
CATALOG = """
name: cloud
currency: eur
meters:
  cuh: {event: resource, value: running * (vcpu + 0.2 * ram_gb), aggregation: time_weighted}
plans:
  base:
    name: Base
    prices:
      - {key: base_monthly, flat: "10.00", every: month}
      - {key: cuh_base, meter: cuh, included: 700, per_unit: "0.02"}
prices:
  - {key: vm_monthly, every: month, graduated: [{up_to: 20, unit: "25.00"}, {unit: "20.00"}]}
resources:
  vm: {price: vm_monthly, spec: {vcpu: 2, ram_gb: 4}}
  tag: {}
"""
FIELDS = '{"ram_gb":["4"],"vcpu":["2"]}'
LIFE = '{"type":"%s","spec":%s,"fields":{},"running":true}'

Row = tuple[str, str, str, str]
Rows = dict[Any, list[dict[str, Any]]]


def measure(count: int, tell: Callable[[str], None]) -> list[Row]:
    """The rows of the table: what, measured, ratio, goal."""
    rows: list[Row] = []
    for engine in ENGINES:
        with fresh(engine) as url:
            rows += _one_engine(engine, url, count, tell)
    return rows


def _one_engine(engine: str, url: str, count: int, tell: Callable[[str], None]) -> list[Row]:
    from benchmarks.world import installation  # noqa: PLC0415 the two know each other's server

    with installation(url) as live:
        clock = FrozenClock(START)
        here = Installation(live.store, clock, IdSource(clock, repeatable_bits()))
        apply(here, CATALOG)
        tell(f"{engine}: {count:,} resources in {count // EACH:,} organizations")
        projects, resources = furnish(here, count)
        settle(live.store)
        clock.set(NOW)
        settle_in()  # as `serve` does
        step = max(len(projects) // ASKED, 1)
        asked = projects[::step]
        bound = _percentile(lambda _: _ask(here), asked)
        found = [(f"{engine}: bound, one question, p99", f"{bound:.2f} ms", "1", "")]
        questions: dict[str, tuple[Callable[[str], object], Sequence[str]]] = {
            "who pays": (lambda project: who_pays(here, project), asked),
            "a quote of a new resource": (
                lambda project: quote_creation(here, project, "vm", tenant=None),
                asked,
            ),
            "a quote of a deletion": (
                lambda one: quote_deletion(here, one, tenant=None),
                resources[:: max(len(resources) // ASKED, 1)],
            ),
        }
        for name, (question, about) in questions.items():
            tell(f"{engine}: {name}")
            took = _percentile(question, about)
            title = f"{engine}: {name}, {count:,} resources, p99"
            found.append((title, f"{took:.2f} ms", f"{took / bound:.0f}", "<= 10 ms"))
        return found


def who_pays(here: Installation, project: str) -> str:
    """The account that pays for a project now."""
    with here.store.read() as tx:
        home = subjects.resolve_subject(tx, project, None, "project")
        organization = accounts.get_organization(tx, home.organization)
        changes = accounts.payer_changes(tx, organization.id, home.id)
        return payer_at(changes, organization, here.now)


def furnish(here: Installation, count: int) -> tuple[list[str], list[str]]:
    """Write the organizations with their resources; gives the ids of projects and of resources."""
    projects: list[str] = []
    found: list[str] = []
    for start in range(0, count // EACH, TOGETHER):
        rows: Rows = {}
        for number in range(start, min(start + TOGETHER, count // EACH)):
            made, its = _organization(here, number, rows)
            projects += made
            found += its
        with here.store.write() as tx:
            for table, written in rows.items():
                tx.execute(insert(table), written)
    return projects, found


def _organization(here: Installation, number: int, rows: Rows) -> tuple[list[str], list[str]]:
    new, at = here.ids.new, to_micros(START)
    organization = new("org")
    own, other = new("bil"), new("bil")
    names = [(organization, f"organization-{number}", "organization")]
    row = {"id": organization, "name": "O", "billing_account": own, "created_at": at}
    rows.setdefault(t.organizations, []).append({**row, "external_id": names[0][1]})
    for account in (own, other):
        row = {"id": account, "organization": organization, "name": "B", "created_at": at}
        rows.setdefault(t.billing_accounts, []).append(
            {**row, "currency": "eur", "external_id": None}
        )
        names.append((account, account, "billing_account"))
        _subscription(new("sub"), organization, account, rows)
    projects = [new("prj"), new("prj")]
    for project in projects:
        row = {"id": project, "organization": organization, "name": "P", "created_at": at}
        rows.setdefault(t.projects, []).append({**row, "external_id": None})
        names.append((project, project, "project"))
    rows.setdefault(t.payer_changes, []).append(
        {
            "project": projects[1],
            "since": at,
            "organization": organization,
            "billing_account": other,
        }
    )
    resources = list(_resources(here, organization, projects, rows))
    names += [(resource, resource, "resource") for resource in resources]
    for subject, alias, kind in names:
        for name in dict.fromkeys((subject, alias)):
            rows.setdefault(t.subjects, []).append(
                {"organization": organization, "alias": name, "subject": subject, "kind": kind}
            )
    return projects, resources


def _resources(
    here: Installation, organization: str, projects: Sequence[str], rows: Rows
) -> Iterator[str]:
    for number in range(EACH):
        resource, kind = here.ids.new("res"), "vm" if number % 3 else "tag"
        at = to_micros(START + timedelta(hours=number))
        its = {"organization": organization, "resource": resource}
        rows.setdefault(t.resources, []).append(
            {
                "id": resource,
                "organization": organization,
                "project": projects[number % 2],
                "type": kind,
                "external_id": None,
                "created_at": at,
                "deleted_at": None,
            }
        )
        spec = FIELDS if kind == "vm" else "{}"
        rows.setdefault(t.life_events, []).append(
            {
                **its,
                "at": at,
                "source": "bench",
                "event": resource,
                "kind": "created",
                "fields": LIFE % (kind, spec),
            }
        )
        rows.setdefault(t.resource_states, []).append(
            {**its, "since": at, "until": None, "type": kind, "running": 1, "fields": spec}
        )
        yield resource


def _subscription(subscription: str, organization: str, account: str, rows: Rows) -> None:
    at = to_micros(START)
    rows.setdefault(c.subscriptions, []).append(
        {
            "id": subscription,
            "organization": organization,
            "billing_account": account,
            "currency": "eur",
            "started_at": at,
            "anchor": at,
            "billed_until": at,
            "trial_end": None,
            "cancel_at": None,
            "ended_at": None,
            "revision": 0,
            "refund": 0,
            "closed": 0,
            "due_at": to_micros(add_months(START, 1)),
        }
    )
    rows.setdefault(c.subscription_phases, []).append(
        {
            "subscription": subscription,
            "organization": organization,
            "position": 0,
            "plan": "base",
            "interval": "month",
            "catalog_version": 1,
            "since": at,
            "until": None,
            "anchor": None,
        }
    )


def settle(store: Store) -> None:
    """Let Postgres tidy up now, and not while it is asked."""
    if store.dialect == "postgresql":
        with store.append() as tx:
            tx.exec_driver_sql("VACUUM ANALYZE")


def _ask(here: Installation) -> None:
    with here.store.read() as tx:
        events.last_position(tx)


def _percentile(question: Callable[[str], object], about: Sequence[str]) -> float:
    """How many milliseconds 99 of 100 questions take at most."""
    for one in about[:20]:
        question(one)
    took = []
    for one in about:
        started = time.perf_counter()
        question(one)
        took.append((time.perf_counter() - started) * 1000)
    return sorted(took)[len(took) * 99 // 100]
