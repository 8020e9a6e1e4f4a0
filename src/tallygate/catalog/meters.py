"""How does an entry of `meters` become a Meter?"""

from decimal import Decimal
from typing import cast, get_args

from tallygate.catalog.expression import Expression, is_field_name, parse
from tallygate.catalog.model import Aggregation, Meter
from tallygate.catalog.places import Spot
from tallygate.core.errors import Invalid
from tallygate.core.quantity import RoundingMode, parse_decimal

METER_KEYS = ("event", "value", "aggregation", "per", "unit", "round", "where", "over")
AGGREGATIONS: tuple[str, ...] = get_args(Aggregation)
ON_RESOURCES = ("time_weighted", "max", "min", "last")
"""What can be asked of states: they have a height and a length, but happen no number of times."""

MAX_EVENT = 255
MAX_WHERE_TEXT = 255
MAX_FIELDS = 10

_ONE = Decimal(1)
_MILLIONTH = Decimal("0.000001")


def read_meter(key: str, spot: Spot) -> Meter | None:
    """The meter, or nothing where a problem was filed."""
    before = len(spot.report.problems)
    fields = spot.fields(METER_KEYS, required=("event", "aggregation"))
    if fields is None:
        return None
    event = fields["event"].text(MAX_EVENT) if "event" in fields else None
    aggregation = fields["aggregation"].choice(*AGGREGATIONS) if "aggregation" in fields else None
    value = _value(fields["value"]) if "value" in fields else None
    per = _per(fields["per"]) if "per" in fields else ()
    where = _where(fields["where"]) if "where" in fields else None
    unit = fields["unit"].text(40) if "unit" in fields else ""
    base_unit, rounding = _round(fields.get("round"), aggregation)
    over = fields["over"].choice("hour", "period") if "over" in fields else None
    _check_meter(spot, fields, event, aggregation, value)
    if len(spot.report.problems) > before:
        return None
    assert event is not None
    assert unit is not None
    return Meter(
        key=key,
        event=event,
        aggregation=cast(Aggregation, aggregation),
        value=value,
        per=per,
        where=where,
        unit=unit,
        base_unit=base_unit,
        rounding=rounding,
        over="period" if over == "period" else "hour",
    )


def _check_meter(
    spot: Spot,
    fields: dict[str, Spot],
    event: str | None,
    aggregation: str | None,
    value: Expression | None,
) -> None:
    """What the parts of a meter must not say together."""
    if aggregation == "count" and "value" in fields:
        fields["value"].problem("count counts events and reads no value: remove it, or use sum.")
    if aggregation == "unique" and "value" not in fields:
        spot.problem("unique counts the different values of a field: name the field in `value`.")
    if aggregation == "unique" and value is not None and not value.is_field:
        fields["value"].problem("unique needs the name of one field as value, no arithmetic.")
    if "over" in fields and aggregation is not None and aggregation != "time_weighted":
        fields["over"].problem("`over` belongs to time_weighted only: remove it.")
    if event == "resource" and aggregation in AGGREGATIONS and aggregation not in ON_RESOURCES:
        fields["aggregation"].problem(
            f"A meter on resources reads states, which are never counted or added up: "
            f"use one of {', '.join(ON_RESOURCES)}, not {aggregation}."
        )


def _value(spot: Spot) -> Expression | None:
    text = spot.text(400)
    if text is None:
        return None
    try:
        return parse(text)
    except Invalid as error:
        spot.problem(str(error))
        return None


def _per(spot: Spot) -> tuple[str, ...]:
    names: list[str] = []
    if spot.scalar is not None and not spot.is_null:
        spot.problem(f"Write a list of fields, such as [region], not {spot.shown()}.")
        return ()
    for entry in spot.entries() or ():
        if (name := _field_name(entry)) is None:
            continue
        if name in names:
            entry.problem(f"{name} is named twice: once is enough.")
        names.append(name)
    if len(names) > MAX_FIELDS:
        spot.problem(f"A series has at most {MAX_FIELDS} fields.")
    return tuple(names)


def _field_name(spot: Spot) -> str | None:
    name = spot.text(64)
    if name is not None and not is_field_name(name):
        spot.problem(f"{name!r} is no name of a field: use letters, digits and _.")
        return None
    return name


def _where(spot: Spot) -> dict[str, str | Decimal | bool]:
    asked: dict[str, str | Decimal | bool] = {}
    found = spot.pairs() or {}
    if len(found) > MAX_FIELDS:
        spot.problem(f"`where` asks for at most {MAX_FIELDS} fields.")
    for name, entry in found.items():
        if not is_field_name(name):
            entry.problem("The name of a field has letters, digits and _ only.")
        if (wanted := _wanted(entry)) is not None:
            asked[name] = wanted
    return asked


def _wanted(spot: Spot) -> str | Decimal | bool | None:
    scalar = spot.scalar
    if scalar is None or scalar.is_null:
        spot.problem(f"A field is asked to equal a text, a number, true or false: {spot.shown()}.")
        return None
    if (said := scalar.as_bool) is not None:
        return said
    if scalar.is_number:
        try:
            return parse_decimal(scalar.text)
        except Invalid as error:
            spot.problem(str(error))
            return None
    return spot.text(MAX_WHERE_TEXT)


def _round(spot: Spot | None, aggregation: str | None) -> tuple[Decimal, RoundingMode]:
    """The base unit and the mode; by default 1 for what is counted, else a millionth."""
    base_unit = _ONE if aggregation in {"count", "unique"} else _MILLIONTH
    fields = spot.fields(("to", "mode")) if spot is not None else None
    if not fields:
        return base_unit, "half_up"
    if "to" in fields and (number := fields["to"].number()) is not None:
        base_unit = number
        if not number:
            fields["to"].problem("A base unit is greater than zero.")
    mode = fields["mode"].choice("up", "down", "half_up") if "mode" in fields else "half_up"
    return base_unit, cast(RoundingMode, mode)
