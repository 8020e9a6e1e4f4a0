"""How is a line of an invoice kept?

What reports ask for stands in columns; what only the explanation needs is one document. A line
that is read back is equal to the one that was written, to the last digit.
"""

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Row

from tallygate.core.period import Period, from_micros, to_micros
from tallygate.rating.line import WHOLE, Discount, Line, Step


class Explanation(NamedTuple):
    """What has no column of its own."""

    steps: tuple[Step, ...]
    discounts: tuple[Discount, ...]
    bound: str | None
    note: str
    unit: str
    level: bool


_encode = msgspec.json.Encoder(decimal_format="string").encode
_decode = msgspec.json.Decoder(Explanation, strict=True).decode


def line_rows(lines: Iterable[Line], organization: str, **whose: str) -> list[dict[str, Any]]:
    """Lines as rows, in their order; `whose` is the column that names what they belong to."""
    return [
        {
            **whose,
            "position": place,
            "organization": organization,
            "price": line.price,
            "kind": line.kind,
            "currency": line.currency,
            "amount": line.amount,
            "discount": line.discount,
            "quantity": str(line.quantity),
            "measured": str(line.measured),
            "included": str(line.included),
            "meter": line.meter,
            "period_start": to_micros(line.period.start),
            "period_end": to_micros(line.period.end),
            "share": str(line.share),
            "catalog_version": line.catalog_version,
            "corrects": line.corrects,
            "explanation": _encode(
                Explanation(
                    line.steps, line.discounts, line.bound, line.note, line.unit, line.level
                )
            ).decode(),
        }
        for place, line in enumerate(lines)
    ]


def line_from(row: Row[Any]) -> Line:
    """The line that a row holds."""
    told = _decode(row.explanation)
    return Line(
        price=row.price,
        kind=row.kind,
        currency=row.currency,
        amount=row.amount,
        quantity=Decimal(row.quantity),
        measured=Decimal(row.measured),
        period=Period(from_micros(row.period_start), from_micros(row.period_end)),
        included=Decimal(row.included),
        steps=told.steps,
        meter=row.meter,
        share=WHOLE if row.share == "1" else Fraction(row.share),
        bound=told.bound,  # type: ignore[arg-type]  # as it was written: "minimum" or "maximum"
        discounts=told.discounts,
        note=told.note,
        catalog_version=row.catalog_version,
        corrects=row.corrects,
        unit=told.unit,
        level=told.level,
    )
