"""How does an estimate look on the wire: what something would cost, before it is done?"""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from tallygate.catalog.model import ZERO, Flat, Graduated, Package, PerUnit, Price, Volume
from tallygate.interfaces.api.wire import Exact, Instant, PeriodShape, Shape, period_shape
from tallygate.rating.explain import explain
from tallygate.workflows.questions.estimate import Allowance, Difference, Estimate, Priced


class CurveTierShape(Shape):
    """A step of a curve, in the main unit: up to and with `up_to` (null: without end)."""

    up_to: Exact | None
    unit: Exact
    flat: Exact


class CurveShape(Shape):
    """What a quantity beyond the allowance costs, in the main unit of the currency."""

    kind: Literal["flat", "per_unit", "package", "graduated", "volume"]
    amount: Exact | None = Field(description="Of a flat, for each unit, or for each package.")
    size: Exact | None = Field(description="How many units a package has.")
    tiers: list[CurveTierShape]


class PricedShape(Shape):
    """A price that counts here, as data and in sentences."""

    price: str
    kind: Literal["flat", "counted", "metered"]
    every: Literal["month", "year"] | None
    meter: str | None
    count: Literal["resources", "members"] | None
    unit: str | None
    included: Exact
    minimum: Exact | None
    maximum: Exact | None
    curve: CurveShape
    catalog_version: int
    description: list[str]


class ChargedShape(Shape):
    """The billing account that will be charged, and why it is this one."""

    billing_account: str
    name: str
    currency: str
    why: str
    subscription: str | None = Field(description="Null: it has none yet.")
    plan: str | None
    begins: bool = Field(description="Whether its billing begins with this, with a full period.")


class AllowanceShape(Shape):
    """What a price includes in the period: what was used of it so far, and what is left."""

    price: str
    meter: str | None
    unit: str | None
    included: Exact
    used: Exact
    left: Exact
    period: PeriodShape


class DifferenceShape(Shape):
    """What one price owes for one period, in minor units after coupons: before, after, and more.

    `explanation` is of the amount after; where there is none any more, of the one before.
    """

    price: str
    period: PeriodShape
    quantity: Exact
    before: int
    after: int
    more: int
    explanation: list[str]


class ChargeShape(Shape):
    """What the invoice of a date has more than without this, in minor units, before tax."""

    dated: Instant
    reason: Literal["subscribe", "boundary", "change", "end", "adjustment"]
    amount: int
    lines: list[DifferenceShape]


class MonthlyShape(Shape):
    """What a whole month costs more, in minor units, before tax; a year counts by twelfths."""

    period: PeriodShape
    amount: int
    lines: list[DifferenceShape]


class EstimateShape(Shape):
    """What it would cost; nothing was done. Done as of `at`, it comes to just that.

    If nothing else happens until then: usage and resources are taken to go on as they are.
    """

    object: Literal["estimate"] = "estimate"
    act: Literal["create", "resize", "delete", "change_plan"]
    at: Instant
    organization: str
    payer: ChargedShape
    currency: str
    free_of_charge: bool
    prices: list[PricedShape]
    allowances: list[AllowanceShape]
    first_charge: ChargeShape | None = Field(description="Null: no invoice will differ.")
    monthly: MonthlyShape | None = Field(description="Null: no whole month is to come.")
    notes: list[str]


def estimate_shape(estimate: Estimate) -> EstimateShape:
    """An estimate on the wire."""
    payer, charge, monthly = estimate.payer, estimate.first_charge, estimate.monthly
    return EstimateShape(
        act=estimate.act,
        at=estimate.at,
        organization=estimate.organization,
        payer=ChargedShape(
            billing_account=payer.account.id,
            name=payer.account.name,
            currency=payer.currency,
            why=payer.why,
            subscription=payer.subscription,
            plan=payer.plan,
            begins=payer.begins,
        ),
        currency=payer.currency,
        free_of_charge=estimate.is_free,
        prices=[_priced(one, payer.currency) for one in estimate.prices],
        allowances=[_allowance(one) for one in estimate.allowances],
        first_charge=None
        if charge is None
        else ChargeShape(
            dated=charge.dated,
            reason=charge.reason,
            amount=charge.amount,
            lines=_differences(charge.differences),
        ),
        monthly=None
        if monthly is None
        else MonthlyShape(
            period=period_shape(monthly.period),
            amount=monthly.amount,
            lines=_differences(monthly.differences),
        ),
        notes=list(estimate.notes),
    )


def _priced(one: Priced, currency: str) -> PricedShape:
    price = one.price
    return PricedShape(
        price=price.key,
        kind=price.kind,
        every=price.every,
        meter=price.meter,
        count=price.count,
        unit=one.unit or None,
        included=price.included,
        minimum=None if price.minimum is None else price.minimum[currency],
        maximum=None if price.maximum is None else price.maximum[currency],
        curve=_curve(price, currency),
        catalog_version=one.catalog_version,
        description=list(one.description),
    )


def _curve(price: Price, currency: str) -> CurveShape:
    match price.curve:
        case Flat(amount):
            return CurveShape(kind="flat", amount=amount[currency], size=None, tiers=[])
        case PerUnit(unit):
            return CurveShape(kind="per_unit", amount=unit[currency], size=None, tiers=[])
        case Package(size, block):
            return CurveShape(kind="package", amount=block[currency], size=size, tiers=[])
        case Graduated(tiers) | Volume(tiers):
            return CurveShape(
                kind="graduated" if isinstance(price.curve, Graduated) else "volume",
                amount=None,
                size=None,
                tiers=[
                    CurveTierShape(
                        up_to=tier.up_to,
                        unit=tier.unit[currency],
                        flat=tier.flat.get(currency, ZERO),
                    )
                    for tier in tiers
                ],
            )


def _allowance(one: Allowance) -> AllowanceShape:
    return AllowanceShape(
        price=one.price,
        meter=one.meter,
        unit=one.unit or None,
        included=one.included,
        used=one.used,
        left=one.left,
        period=period_shape(one.period),
    )


def _differences(found: Sequence[Difference]) -> list[DifferenceShape]:
    return [
        DifferenceShape(
            price=one.line.price,
            period=period_shape(one.line.period),
            quantity=one.line.quantity,
            before=one.before,
            after=one.after,
            more=one.more,
            explanation=list(explain(one.line)),
        )
        for one in found
    ]
