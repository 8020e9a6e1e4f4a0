"""Does this request come from Stripe, and which event does it tell of?

The signature is checked over the raw bytes, before anything of them is read: HMAC-SHA256 over
`<t>.<body>`, keyed with the whole secret, `whsec_` included. Of the body only the envelope is read
then. The SDK would build an object of each event, which takes a hundred times as long.
Source: https://docs.stripe.com/webhooks#verify-manually.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal, NamedTuple

import msgspec
import stripe
from msgspec import Meta

from tallygate.core.clock import Clock
from tallygate.core.errors import Invalid
from tallygate.core.period import parse_instant

TOLERANCE = timedelta(minutes=5)
MAX_SIGNATURES = 16
MAX_HEADER = 4096

_TIME = re.compile(r"0|[1-9][0-9]{0,10}")
_Name = Annotated[str, Meta(pattern=r"\A[!-~]{1,200}\Z")]
_Second = Annotated[int, Meta(ge=0, lt=4_102_444_800)]


class _Body(msgspec.Struct):
    """What both kinds of event say of themselves; `account` is a connected account's id."""

    id: _Name
    object: Literal["event", "v2.core.event"]
    type: _Name
    created: _Second | Annotated[str, Meta(max_length=64)]
    livemode: bool
    api_version: _Name | None = None
    account: str | None = None


_decode = msgspec.json.Decoder(_Body).decode


class Envelope(NamedTuple):
    """What an event says of itself. A thin one has no version, and does not show its object."""

    id: str
    type: str
    thin: bool
    created: datetime
    api_version: str | None
    state: Literal["waiting", "foreign", "other_version"]


@dataclass(frozen=True, slots=True)
class StripeWebhooks:
    """Opens what is signed with one of `secrets`.

    `live` is the mode of the account's key, None where no key is known. `ahead` bounds how far
    the time of a signature may lie ahead of our clock; None: a local Stripe has its own clock.
    `judge` is the clock that a signature's age is judged by, where the installation's was moved.
    """

    secrets: Sequence[str] = field(repr=False)
    live: bool | None = None
    ahead: timedelta | None = TOLERANCE
    judge: Clock | None = None

    def __post_init__(self) -> None:
        assert self.secrets, "without a secret anybody could sign"
        assert all(secret.strip() for secret in self.secrets), "an empty secret is everybody's"

    def open(self, signature: str, body: bytes, at: datetime) -> Envelope:
        """The envelope of an event, once its signature has shown that Stripe sent it.

        Raises:
            Invalid: it is not signed, or not by Stripe, or not now; or it is signed and no event.
        """
        self._verify(signature, body, at if self.judge is None else self.judge.now())
        try:
            told = _decode(body)
            created = _instant(told.created)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, Invalid):
            raise Invalid(
                "The signature is right, and the body is no event of Stripe's: it needs id, "
                "object, type, created and livemode.",
                code="not_an_event",
            ) from None
        thin = told.object == "v2.core.event"
        return Envelope(
            told.id, told.type, thin, created, told.api_version, self._state(told, thin=thin)
        )

    def _verify(self, signature: str, body: bytes, at: datetime) -> None:
        stamp, signatures = _parts(signature)
        message = stamp.encode() + b"." + body
        made = [
            hmac.new(secret.encode(), message, hashlib.sha256).hexdigest().encode()
            for secret in self.secrets
        ]
        # Every pair is compared, so that the time tells nothing of which was right.
        fits = [hmac.compare_digest(one, other) for one in made for other in signatures]
        if not any(fits):
            raise _refused(
                "The signature does not fit the body: it was made with another secret, or the "
                "body was changed on its way. Compare STRIPE_WEBHOOK_SECRET with the endpoint's "
                "signing secret."
            )
        age = at - datetime.fromtimestamp(int(stamp), UTC)
        if age > TOLERANCE:
            raise _refused(
                "The signature is more than 5 minutes old: this is a repetition of an old "
                "request, or this machine's clock is fast."
            )
        if self.ahead is not None and -age > self.ahead:
            raise _refused(
                "The time of the signature lies more than 5 minutes ahead: this machine's clock "
                "is slow."
            )

    def _state(self, told: _Body, *, thin: bool) -> Literal["waiting", "foreign", "other_version"]:
        if told.account or (self.live is not None and told.livemode != self.live):
            return "foreign"
        if not thin and _release(told.api_version) != _release(stripe.api_version):
            return "other_version"
        return "waiting"


def _parts(signature: str) -> tuple[str, list[bytes]]:
    """The time and the signatures of the scheme v1, out of the header.

    Raises:
        Invalid: they are not in it.
    """
    if not signature:
        raise _refused("The header Stripe-Signature is missing.")
    if len(signature) > MAX_HEADER:
        raise _refused("The header Stripe-Signature is too long.")
    pairs = [part.partition("=") for part in signature.split(",")]
    times = [value for name, _, value in pairs if name == "t"]
    signatures = [value.encode() for name, _, value in pairs if name == "v1"]
    if len(times) != 1 or not _TIME.fullmatch(times[0]):
        raise _refused("The header Stripe-Signature needs one time, as in t=1767225600,v1=...")
    if not 1 <= len(signatures) <= MAX_SIGNATURES:
        raise _refused("The header Stripe-Signature needs a signature, as in t=1767225600,v1=...")
    return times[0], signatures


def _refused(sentence: str) -> Invalid:
    return Invalid(sentence, param="Stripe-Signature", code="bad_signature")


def _instant(created: int | str) -> datetime:
    """Seconds in a snapshot, RFC 3339 in a thin event."""
    if isinstance(created, str):
        return parse_instant(created)
    return datetime.fromtimestamp(created, UTC)


def _release(version: str | None) -> str:
    """The name of a version's release, such as `endive`: within one, nothing is taken away."""
    return (version or "").partition(".")[2]
