"""When do two meters read the same events to the same end?

When the texts here are equal. The store keeps its rollups under this text, so that a meter that
only changes its unit, its rounding or what it divides by goes on with the rollups it has, and one
that measures something else begins new ones.
"""

import json
from decimal import Decimal

from tallygate.catalog.model import Meter
from tallygate.core.quantity import plain

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode


def meter_definition(meter: Meter) -> str:
    """The canonical text of what a meter measures: event, value, aggregation, per and where.

    Spelling does not count: `a+b` and `(a + b)`, 2 and "2.0", an absent value and 1, the order
    of `where`. The order of `per` does, for it is the order of a series' parts.
    """
    value = "1" if meter.value is None else meter.value.canonical
    where = {name: _tagged(wanted) for name, wanted in (meter.where or {}).items()}
    parts = {
        "aggregation": meter.aggregation,
        "event": meter.event,
        "per": list(meter.per),
        "value": value,
        "where": where,
    }
    return _encode(parts)


def _tagged(wanted: object) -> list[str]:
    if isinstance(wanted, bool):
        return ["boolean", "true" if wanted else "false"]
    if isinstance(wanted, Decimal):
        return ["number", plain(wanted)]
    return ["text", str(wanted)]
