"""How Stripe says no.

Statuses, types and codes: https://docs.stripe.com/api/errors and
https://docs.stripe.com/error-codes.
"""

from collections.abc import Sequence
from typing import Any, Literal

ErrorType = Literal[
    "api_error", "card_error", "idempotency_error", "invalid_request_error", "rate_limit_error"
]

NOT_HERE = "not_in_the_sandbox"  # a code of ours, so Stripe has no page about it


class Refusal(Exception):
    """An answer that is an error; `more` holds further fields, such as decline_code.

    What the request changed is undone, unless the refusal `keeps` it: a declined card leaves its
    payment intent behind.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        type: ErrorType | str = "invalid_request_error",  # noqa: A002  # Stripe's word
        code: str | None = None,
        param: str | None = None,
        headers: dict[str, str] | None = None,
        more: dict[str, Any] | None = None,
        keeps: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.type = type
        self.code = code
        self.param = param
        self.headers = headers or {}
        self.more = more or {}
        self.keeps = keeps

    def body(self, request_id: str) -> dict[str, Any]:
        """The JSON of version 1 of the API; without an id, that of a request not kept."""
        error: dict[str, Any] = {"type": self.type, "message": self.message}
        if self.code:
            error["code"] = self.code
        if self.code and self.code != NOT_HERE:
            page = self.code.replace("_", "-")
            error["doc_url"] = f"https://docs.stripe.com/error-codes#{page}"
        if self.param:
            error["param"] = self.param
        if request_id:
            error["request_log_url"] = f"/_sandbox/requests/{request_id}"
        return {"error": error | self.more}

    def body_of_version_2(self) -> dict[str, Any]:
        """The JSON of version 2 of the API: a code and a sentence for the developer."""
        error = {"code": self.code or self.type, "message": self.message, "type": self.type}
        return {"error": error | self.more}


def missing_param(param: str) -> Refusal:
    return Refusal(f"Missing required param: {param}.", code="parameter_missing", param=param)


def unknown_param(param: str, known: Sequence[str] = ()) -> Refusal:
    """A name that is not taken; those that are `known` are told."""
    told = f". Known: {', '.join(known)}." if known else ""
    said = f"Received unknown parameter: {param}{told}"
    return Refusal(said, code="parameter_unknown", param=param)


def no_such(kind: str, ident: str, param: str = "id", status: int = 404) -> Refusal:
    """What is named is not there: 404 for the object itself, 400 for one named in a parameter."""
    words = kind.rsplit(".", 1)[-1].replace("_", " ")
    return Refusal(
        f"No such {words}: '{ident}'", status=status, code="resource_missing", param=param
    )


def absent(what: str) -> Refusal:
    """The sandbox does not have this: said plainly, instead of a made-up success."""
    return Refusal(
        f"The sandbox does not have {what}. docs/sandbox.md lists what it has.",
        status=501,
        type="api_error",
        code=NOT_HERE,
    )
