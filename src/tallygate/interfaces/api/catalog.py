"""What is on sale? The price list in force, and how a new one takes its place."""

from typing import Annotated, Literal

from fastapi import Response
from pydantic import Field

from tallygate.adapters.store import catalogs
from tallygate.catalog.model import Catalog, Plan, Price
from tallygate.core.errors import NotFound, Problem
from tallygate.interfaces.api.callers import By, Here
from tallygate.interfaces.api.routes import PLATFORM_WRITES, READS, guarded_router
from tallygate.interfaces.api.wire import Exact, Instant, Shape
from tallygate.workflows import publish
from tallygate.workflows.installation import Installation

router = guarded_router("/v1/catalog", "catalog")

MAX_TEXT = 500_000


class NewCatalog(Shape):
    """A price list as YAML. With `dry_run` nothing is stored and the answer says what would be."""

    text: Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]
    dry_run: bool = False


class PublishedShape(Shape):
    """What publishing came to, or would come to."""

    object: Literal["catalog_version"] = "catalog_version"
    version: int
    applied: bool = Field(description="Whether this request stored it.")
    changes: list[str]
    warnings: list[str]


class PriceShape(Shape):
    """One price of a plan."""

    key: str
    kind: Literal["flat", "counted", "metered"]
    every: Literal["month", "year"] | None
    meter: str | None
    count: Literal["resources", "members"] | None
    included: Exact


class PlanShape(Shape):
    """A plan; a limit of -1 is unlimited."""

    key: str
    name: str
    product: str | None
    intervals: list[Literal["month", "year"]]
    trial_days: int
    limits: dict[str, Exact]
    prices: list[PriceShape]


class MeterShape(Shape):
    """What is measured."""

    key: str
    event: str
    aggregation: str
    unit: str


class CatalogShape(Shape):
    """The price list in force for new subscriptions. The text is the platform's to see."""

    object: Literal["catalog"] = "catalog"
    version: int
    name: str
    currencies: list[str]
    applied_at: Instant | None
    meters: list[MeterShape]
    plans: list[PlanShape]
    resource_types: list[str]
    text: str | None


@router.get("", summary="Read the price list in force", openapi_extra=READS)
def get_catalog(here: Here, caller: By) -> CatalogShape:
    """The latest version: what a new subscription would be made on."""
    with here.store.read() as tx:
        found = catalogs.latest_text(tx)
        if found is None:
            raise NotFound("No catalog was applied yet: run `tallygate catalog apply`.")
        version, text = found
        catalog = catalogs.load_catalog(tx, version)
        applied_at = catalogs.applied_at(tx, version)
    return CatalogShape(
        version=version,
        name=catalog.name,
        currencies=list(catalog.currencies),
        applied_at=applied_at,
        meters=_meters(catalog),
        plans=[_plan(plan) for plan in catalog.plans.values()],
        resource_types=list(catalog.resources),
        text=text if caller.organization is None else None,
    )


@router.post("", summary="Publish a price list", openapi_extra=PLATFORM_WRITES)
def publish_catalog(body: NewCatalog, here: Here, answer: Response) -> PublishedShape:
    """Stores a new version; subscriptions keep the one that they began with.

    The text that is in force already stays the version that it is.
    """
    return published(here, body.text, answer, dry_run=body.dry_run)


def published(here: Installation, text: str, answer: Response, *, dry_run: bool) -> PublishedShape:
    """What publishing a text came to, or would come to."""
    proposal = publish.propose(here, text)
    version, applied = proposal.version, False
    if not dry_run:
        version, applied = publish.apply(here, text), proposal.is_new
        answer.status_code = 201 if applied else 200
    return PublishedShape(
        version=version,
        applied=applied,
        changes=list(proposal.changes),
        warnings=[_sentence(warning) for warning in proposal.warnings],
    )


def _sentence(problem: Problem) -> str:
    return str(problem)


def _meters(catalog: Catalog) -> list[MeterShape]:
    return [
        MeterShape(key=m.key, event=m.event, aggregation=m.aggregation, unit=m.unit)
        for m in catalog.meters.values()
    ]


def _plan(plan: Plan) -> PlanShape:
    return PlanShape(
        key=plan.key,
        name=plan.name,
        product=plan.product,
        intervals=list(plan.intervals),
        trial_days=plan.trial_days,
        limits=dict(plan.limits or {}),
        prices=[_price(price) for price in plan.prices],
    )


def _price(price: Price) -> PriceShape:
    return PriceShape(
        key=price.key,
        kind=price.kind,
        every=price.every,
        meter=price.meter,
        count=price.count,
        included=price.included,
    )
