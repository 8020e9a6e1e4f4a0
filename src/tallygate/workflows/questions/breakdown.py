"""What does each project, resource, price and day cost of an invoice, or of the open period?

The lines are those of the invoice, or of the preview, which is the close without the save. They
are spread over what the account paid for and allotted without loss (`invoicing.breakdown`); a
single project's or resource's parts are those that it has among all. Beside the revenue of
resources stands what the price list says that they cost the operator, for who may see it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from math import lcm
from typing import NamedTuple

from tallygate.accounts.payers import payer_at
from tallygate.adapters.store import Transaction, accounts, invoices
from tallygate.adapters.store.catalogs import versions
from tallygate.adapters.store.former import seen_project
from tallygate.catalog.model import Catalog
from tallygate.core.errors import Invalid, NotFound
from tallygate.core.period import MICROSECOND, Period
from tallygate.invoicing.breakdown import Dimension, Part, Sorting, break_down
from tallygate.invoicing.margin import Costing
from tallygate.invoicing.model import Invoice
from tallygate.invoicing.spreading import Spreader
from tallygate.rating.rounding import round_amount
from tallygate.workflows.accounts import locate_account
from tallygate.workflows.contracts import StoredCatalogs
from tallygate.workflows.installation import Installation
from tallygate.workflows.questions.contexts import Contexts
from tallygate.workflows.questions.preview import preview_in
from tallygate.workflows.questions.weights import StoredWeights

DIMENSIONS: tuple[Dimension, ...] = ("project", "resource", "meter", "day")
MOST = 2
COSTED = frozenset(("project", "resource"))


@dataclass(frozen=True, slots=True)
class Lists:
    """The price lists, as the store has them."""

    catalogs: Mapping[int, Catalog]
    applied: Mapping[int, datetime]


class Row(NamedTuple):
    """A part with what it cost the operator, in minor units; None: that is not stated, or asked.

    `name` is the project's name, or the platform's own id of the resource.
    """

    part: Part
    cost: int | None
    name: str | None


@dataclass(frozen=True, slots=True)
class Breakdown:
    """An invoice, or the preview of one, in parts.

    `notes` are sentences about lines that could not be allotted by each subject's own quantity.
    """

    invoice: Invoice
    by: tuple[Dimension, ...]
    project: str | None
    resource: str | None
    rows: tuple[Row, ...]
    notes: tuple[str, ...]

    @property
    def amount(self) -> int:
        """The sum of the parts, in minor units: the invoice's total, unless narrowed to one."""
        return sum(row.part.amount for row in self.rows)

    @property
    def cost(self) -> int | None:
        """The sum of the stated costs, in minor units; None where none is stated, or asked."""
        stated = [row.cost for row in self.rows if row.cost is not None]
        return sum(stated) if stated else None


@dataclass(frozen=True, slots=True)
class Asked:
    """How to break down: by one dimension or two, of all or of one project or resource.

    `costs`: with what resources cost the operator, where projects or resources are told apart.
    """

    by: tuple[Dimension, ...] = ("project",)
    project: str | None = None
    resource: str | None = None
    costs: bool = False


def dimensions(text: str) -> tuple[Dimension, ...]:
    """Read what to tell apart: one of project, resource, meter, day; or two, "project,day".

    Raises:
        Invalid: it is something else.
    """
    names = [name.strip() for name in text.split(",")]
    found = tuple(one for name in names for one in DIMENSIONS if one == name)
    if len(found) != len(names) or len(set(found)) != len(found) or len(found) > MOST:
        raise Invalid(
            f"{text[:80]!r} is nothing to group by: name one of {', '.join(DIMENSIONS)}, or two "
            "of them with a comma between.",
            param="group_by",
        )
    return found


def of_invoice(
    installation: Installation, invoice: str, asked: Asked, *, tenant: str | None = None
) -> Breakdown:
    """The parts of an invoice, as the log was when it was made.

    Raises:
        NotFound: the tenant has no such invoice, or its organization no such project or resource.
    """
    with installation.store.read() as tx:
        found = invoices.get(tx, invoice, tenant)
        if found is None:
            raise NotFound(f"There is no invoice {invoice[:128]!r}.", param="invoice")
        _check(tx, asked, found.organization)
        return _broken_down(tx, found, asked, found.position, installation.now)


def of_open_period(
    installation: Installation, account: str, asked: Asked, *, tenant: str | None = None
) -> Breakdown:
    """The parts of an account's next invoice, with the usage so far.

    `account` is our id, or the platform's own, of a billing account or an organization.

    Raises:
        NotFound: the tenant has no such account, the account nothing that is to be billed, or its
            organization no such project or resource.
    """
    with installation.store.read() as tx:
        found = locate_account(tx, account, tenant)
        _check(tx, asked, found.organization)
        invoice = preview_in(tx, installation, found.id, installation.now, tenant)
        return _broken_down(tx, invoice, asked, None, installation.now)


def of_project(
    installation: Installation,
    project: str,
    asked: Asked,
    *,
    tenant: str | None = None,
    invoice: str | None = None,
    billing_account: str | None = None,
) -> Breakdown:
    """The parts of one project: of an invoice, or of the open period of whoever pays for it now.

    An organization that had the project, and has it no more, is told of its own time, and of whom
    of its accounts paid last.
    A project whose payer changed has parts with each of them: `billing_account` asks for another.

    Raises:
        NotFound: the tenant has no such project, or nothing is to be billed to its payer.
        Invalid: both an invoice and a billing account are named.
    """
    with installation.store.read() as tx:
        found = seen_project(tx, project, tenant)
        organization = accounts.get_organization(tx, found.organization)
        changes = accounts.payer_changes(tx, organization.id, found.id)
        last = installation.now if found.left_at is None else found.left_at - MICROSECOND
        payer = payer_at(changes, organization, last)
        if billing_account is not None:
            payer = locate_account(tx, billing_account, organization.id).id
    narrowed = Asked(asked.by, found.id, asked.resource, asked.costs)
    if invoice is not None:
        if billing_account is not None:
            raise Invalid("Name an invoice or a billing account, not both.", param="invoice")
        return of_invoice(installation, invoice, narrowed, tenant=found.organization)
    return of_open_period(installation, payer, narrowed, tenant=found.organization)


def _check(tx: Transaction, asked: Asked, organization: str) -> None:
    if asked.project is not None:
        seen_project(tx, asked.project, organization)
    if asked.resource is not None:
        subject = accounts.resolve_subject(tx, asked.resource, organization)
        if subject.kind != "resource" or subject.id != asked.resource:
            raise NotFound(f"There is no resource {asked.resource[:128]!r}.", param="resource")


def _broken_down(
    tx: Transaction, invoice: Invoice, asked: Asked, known: int | None, at: datetime
) -> Breakdown:
    applied = versions(tx)
    lists = Lists(StoredCatalogs(tx, applied), applied)
    account = accounts.get_billing_account(tx, invoice.billing_account)
    weigher = StoredWeights(tx, account, _span(invoice), at)
    sorting = Sorting(asked.by, weigher.project_of, asked.project, asked.resource)
    spreader = Spreader(weigher, sorting)
    contexts = Contexts(tx, invoice, lists, known)
    charged = [spreader.charged(line, contexts.of(line)) for line in invoice.lines]
    parts = break_down(charged, sorting)
    costs: dict[tuple[str | None, str | None], int] = {}
    if asked.costs and COSTED.issuperset(asked.by):
        costs = _costs(weigher, sorting, contexts.costing(at))
    names = weigher.names()
    return Breakdown(
        invoice,
        asked.by,
        asked.project,
        asked.resource,
        tuple(_rows(parts, costs, names)),
        tuple(spreader.notes),
    )


def _span(invoice: Invoice) -> Period:
    """All the time that the lines are about."""
    periods = [invoice.period, *(line.period for line in invoice.lines)]
    return Period(min(p.start for p in periods), max(p.end for p in periods))


def _rows(
    parts: Iterable[Part],
    costs: dict[tuple[str | None, str | None], int],
    names: Mapping[str, str],
) -> Iterable[Row]:
    """The parts with their costs; what cost something and earned nothing has a row, too."""
    left = dict(costs)
    rows = []
    for part in parts:
        cost = left.pop((part.project, part.resource), None)
        rows.append(Row(part, cost, _name(part, names)))
    for (project, resource), cost in left.items():
        part = Part(project, resource, None, None)
        rows.append(Row(part, cost, _name(part, names)))
    if left:
        rows.sort(key=lambda row: row.part.order)
    return rows


def _name(part: Part, names: Mapping[str, str]) -> str | None:
    finest = part.project if part.resource is None else part.resource
    return None if finest is None else names.get(finest)


def _costs(
    weigher: StoredWeights, sorting: Sorting, costing: Costing
) -> dict[tuple[str | None, str | None], int]:
    """What resources cost within the period whose usage the invoice bills, as far as it passed."""
    wants, rates = sorting.wants, _rates(weigher, costing)
    over = lcm(*(rate.denominator for rate in rates.values()))
    exact: dict[str, int] = {}
    for kind, rate in rates.items():
        existed = weigher.existed(frozenset((kind,)), costing.passed, costing.known)
        each = rate.numerator * (over // rate.denominator)
        for name, micros in sorting.gather(existed).items():
            exact[name] = exact.get(name, 0) + each * int(micros)
    # Thousands of resources existed for the same time: what they cost is rounded once.
    several = set(exact.values())
    rounded = {one: round_amount(Fraction(one, over), costing.currency) for one in several}
    by_project, by_resource = "project" in sorting.by, "resource" in sorting.by
    found: dict[tuple[str | None, str | None], int] = {}
    for name, cost in exact.items():
        if wants(name):
            project = weigher.project_of.get(name, name) if by_project else None
            key = (project, name if by_resource else None)
            found[key] = found.get(key, 0) + rounded[cost]
    return found


def _rates(weigher: StoredWeights, costing: Costing) -> dict[str, Fraction]:
    """What a microsecond of each type costs, where that is stated."""
    rates = {kind: costing.rate(kind) for kind in sorted(weigher.kinds())}
    return {kind: rate for kind, rate in rates.items() if rate is not None}
