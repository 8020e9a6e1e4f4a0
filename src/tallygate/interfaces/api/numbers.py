"""How does an exact number look where a platform expects a number?

Under `/v1` quantities are texts. The paths that the platforms named themselves answer with JSON
numbers, as their clients read them: here such an answer is written, digit for digit, without ever
becoming a binary fraction.
"""

from decimal import Decimal
from typing import Annotated

import msgspec
from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from starlette.responses import Response

from tallygate.core.quantity import plain
from tallygate.interfaces.api.wire import Shape, read_quantity

_encode = msgspec.json.Encoder(decimal_format="number").encode


def _whole(value: Decimal) -> Decimal:
    if value != value.to_integral_value():
        raise ValueError("the number must be whole")
    return value


def _as_written(value: Decimal) -> Decimal:
    return Decimal(plain(value))


_SCHEMA = {"type": "number", "examples": [2.5]}

Number = Annotated[Decimal, AfterValidator(_as_written), WithJsonSchema(_SCHEMA)]
"""An exact decimal in an answer, as a JSON number."""

Figure = Annotated[
    Decimal,
    BeforeValidator(read_quantity),
    Field(ge=0),
    WithJsonSchema(_SCHEMA | {"minimum": 0}),
]
"""A number in a request, not below zero; a text is read too."""

Count = Annotated[
    Figure, AfterValidator(_whole), WithJsonSchema({"type": "integer", "minimum": 0})
]
"""A whole number in a request, not below zero."""


def numbered(shape: Shape, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """An answer whose decimals are JSON numbers."""
    body = _encode(shape.model_dump(mode="python", by_alias=True))
    return Response(body, status, media_type="application/json", headers=headers)
