"""Which answer does a caller get when something goes wrong?

One shape for all of it, `application/problem+json` (RFC 9457): a type, a title, the status, a
sentence, a code for programs, the field at fault, and the id under which the log knows the
request. Nothing of what happened inside is told when it was our mistake.
"""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tallygate.core.errors import (
    CatalogInvalid,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Refused,
    TallygateError,
    TooLarge,
    Unauthenticated,
    Unreachable,
)

MEDIA_TYPE = "application/problem+json"
TYPE = "urn:tallygate:problem:"
MAX_ERRORS = 20

Paths = tuple[tuple[re.Pattern[str], frozenset[str]], ...]
"""Each path that is served, as a pattern, with the methods of one route."""

_STATUS: Mapping[type[TallygateError], int] = {
    CatalogInvalid: 422,
    Invalid: 422,
    NotFound: 404,
    Conflict: 409,
    TooLarge: 413,
    Unauthenticated: 401,
    Forbidden: 403,
    Refused: 422,
    Unreachable: 503,
}

_STATUS_OF_REASON = {
    "malformed_json": 400,
    "bad_signature": 400,
    "not_an_event": 400,
    "unsupported_media_type": 415,
}
"""What HTTP tells apart more finely than our tree does."""

_CODES = {400: "malformed", 413: "too_large", 415: "unsupported_media_type"}

_TITLES = {413: "Content Too Large", 422: "Unprocessable Content"}  # RFC 9110, in every Python

_SENTENCES = {
    400: "The body cannot be read.",
    404: "There is nothing under this path.",
    405: "This path does not know this method.",
}


class Mistake(BaseModel):
    """One thing that is wrong, and where."""

    param: str
    message: str
    code: str | None = None


class Problem(BaseModel):
    """Why a request was not done (RFC 9457)."""

    type: str = Field(examples=[f"{TYPE}not_found"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(description="A sentence: what is wrong, where, what to do.")
    code: str = Field(description="For programs.", examples=["not_found"])
    param: str | None = Field(default=None, description="The field at fault.")
    errors: list[Mistake] | None = Field(default=None, description="All that is wrong.")
    request_id: str | None = Field(default=None, description="How the log knows the request.")


def status_of(error: TallygateError) -> int:
    """The status that an error is answered with: its reason's, or its nearest class's."""
    if isinstance(error, Refused) and error.reason in _STATUS_OF_REASON:
        return _STATUS_OF_REASON[error.reason]
    return next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), 500)


def problem(
    request: Request,
    status: int,
    code: str,
    detail: str,
    *,
    param: str | None = None,
    errors: Sequence[Mapping[str, str]] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """An answer in the shape of RFC 9457; absent members are left out."""
    body: dict[str, Any] = {
        "type": TYPE + code,
        "title": _TITLES.get(status) or HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
    }
    if param is not None:
        body["param"] = param
    if errors:
        body["errors"] = list(errors[:MAX_ERRORS])
    if (request_id := request.scope.get("tallygate.request_id")) is not None:
        body["request_id"] = request_id
    return JSONResponse(body, status, headers=headers, media_type=MEDIA_TYPE)


async def explained(request: Request, error: Exception) -> Response:
    """The answer to an error of our own tree: its sentence, its code, its field."""
    assert isinstance(error, TallygateError)
    status = status_of(error)
    headers: dict[str, str] = {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if status == 503:
        headers["Retry-After"] = "1"
    if isinstance(error, CatalogInvalid):
        found = [{"param": p.place, "message": p.message} for p in error.problems]
        detail = str(error).partition("\n")[0].replace(":", ".")
        return problem(request, status, error.code, detail, errors=found)
    if isinstance(error, Refused):
        return problem(
            request, status, error.reason, str(error), param=error.param, headers=headers
        )
    return problem(request, status, error.code, str(error), headers=headers)


async def malformed(request: Request, error: Exception) -> Response:
    """The answer to a request that does not have the shape that the operation asks for."""
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    if found and found[0]["type"] == "json_invalid":
        reason = str(found[0].get("ctx", {}).get("error", ""))
        return problem(request, 400, "malformed_json", f"The body is not valid JSON: {reason}.")
    errors = [
        {"param": _place(one["loc"]), "message": _sentence(one), "code": one["type"]}
        for one in found[:MAX_ERRORS]
    ]
    first = errors[0] if errors else {"param": "", "message": "The request is malformed."}
    detail = f"{first['param']}: {first['message']}" if first["param"] else first["message"]
    return problem(request, 422, "invalid", detail, param=first["param"] or None, errors=errors)


async def refused_by_http(request: Request, error: Exception) -> Response:
    """The answer where HTTP itself says no: an unknown path, another method, a body too large."""
    assert isinstance(error, HTTPException)
    status = error.status_code
    code = _CODES.get(status, HTTPStatus(status).phrase.lower().replace(" ", "_"))
    detail = str(error.detail)
    if detail == HTTPStatus(status).phrase or not detail.endswith("."):
        detail = _SENTENCES.get(status, f"{HTTPStatus(status).phrase}.")
    headers = dict(error.headers or {})
    if status == 405:
        headers["Allow"] = ", ".join(sorted(_methods(request)))
    return problem(request, status, code, detail, headers=headers)


def _methods(request: Request) -> frozenset[str]:
    """The methods that a path knows, of all routes that serve it."""
    paths: Paths = request.app.state.paths
    known = (methods for path, methods in paths if path.fullmatch(request.scope["path"]))
    return frozenset().union(*known)


async def gone(request: Request, error: Exception) -> Response:
    """The answer to a caller who has hung up; nobody reads it."""
    del error
    return problem(request, 400, "disconnected", "The request ended before its body.")


async def unexpected(request: Request, error: Exception) -> Response:
    """The answer to a mistake of ours: an id to ask about, and nothing else."""
    del error  # told to the log by the server, never to the caller
    detail = (
        "Something went wrong on our side, and what was asked may or may not have been done: look "
        "before asking again. A repetition with the same Idempotency-Key does nothing twice."
    )
    return problem(request, 500, "internal", detail)


def _place(location: Sequence[int | str]) -> str:
    """A field's path as a caller writes it: `body.name` becomes `name`."""
    parts = [str(part) for part in location]
    if parts and parts[0] in {"body", "query", "path", "header"}:
        parts = parts[1:]
    return ".".join(parts)[:200]


def _sentence(error: Mapping[str, Any]) -> str:
    """A validator's message as a sentence, without the value that was sent."""
    match error["type"]:
        case "missing":
            return "This field is required."
        case "extra_forbidden":
            return "This field is not known here."
        case "value_error":
            text = str(error.get("ctx", {}).get("error", error["msg"]))
        case _:
            text = str(error["msg"])
    text = text[:300]
    return text if text.endswith(".") else f"{text}."
