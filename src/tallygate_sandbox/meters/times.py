"""Instants as version 2 of the API writes them: RFC 3339 text."""

from datetime import UTC, datetime

from tallygate_sandbox.wire.refusals import Refusal


def rfc3339(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def seconds_of(text: str, param: str) -> int:
    """The whole seconds of an instant. Raises: Refusal, when it is none or has no time zone."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        parsed = None
    if parsed is None or parsed.tzinfo is None:
        raise Refusal(
            f"Invalid timestamp: {text[:40]} is not in RFC 3339 format, such as "
            "2026-01-01T00:00:00Z",
            param=param,
        )
    return int(parsed.timestamp())
