"""Only what Stripe has signed is opened: by hand, beside the SDK, and against 10,000 forgeries.

A header in a form that Stripe never writes may be refused though the SDK reads it; nothing that
the SDK refuses is opened.
"""

import hashlib
import hmac
import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import stripe
from hypothesis import given, strategies

from tallygate.adapters.stripe.webhooks import MAX_HEADER, StripeWebhooks
from tallygate.core.errors import Invalid
from tallygate.core.period import EPOCH

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
T = int(NOW.timestamp())
SECRET = "whsec_3kq8Zx1vT5bYp0LmWc7dRf2u"  # noqa: S105  # a made-up one
OLD = "whsec_9aQ4hN6sXe1yBt8GvJ0kUi5o"
EVENT = {
    "id": "evt_1",
    "object": "event",
    "type": "invoice.paid",
    "created": T - 5,
    "livemode": False,
    "api_version": "2026-10-28.endive",
    "data": {"object": {"id": "in_1", "note": "Käse, ½ price"}},
}
THIN = {
    "id": "evt_test_2",
    "object": "v2.core.event",
    "type": "v1.billing.meter.no_meter_found",
    "created": "2026-11-21T08:59:55.000Z",
    "livemode": False,
}
# As Stripe prints it: nobody who reads it and prints it again gets these bytes.
BODY = json.dumps(EVENT, indent=2, ensure_ascii=False).encode()


def by_hand(body: bytes, secret: str = SECRET, t: int | str = T) -> str:
    return hmac.new(secret.encode(), f"{t}.".encode() + body, hashlib.sha256).hexdigest()


def signed(body: bytes = BODY, secret: str = SECRET, t: int | str = T) -> str:
    return f"t={t},v1={by_hand(body, secret, t)}"


def opens(
    header: str, body: bytes = BODY, door: StripeWebhooks | None = None, at: datetime = NOW
) -> bool:
    try:
        (door or StripeWebhooks([SECRET])).open(header, body, at)
    except Invalid as error:
        told = str(error)
        assert told.endswith(".")
        assert SECRET not in told
        assert by_hand(body) not in told
        return False
    return True


def oracle(header: str, body: bytes, secret: str = SECRET) -> bool:
    """The SDK's opinion of a signature, without its look at the machine's clock."""
    try:
        stripe.WebhookSignature.verify_header(body, header, secret)
    except (stripe.SignatureVerificationError, ValueError):
        return False
    return True


def test_the_documented_scheme_and_the_official_one_are_opened() -> None:
    found = StripeWebhooks([SECRET]).open(signed(), BODY, NOW)
    assert found.id == "evt_1"
    assert found.type == "invoice.paid"
    assert found.created == NOW - timedelta(seconds=5)
    assert (found.thin, found.state) == (False, "waiting")
    official = stripe.WebhookSignature.generate_signature_header(BODY.decode(), SECRET, T)
    assert official == signed()


def test_a_thin_event_is_opened_too() -> None:
    body = json.dumps(THIN).encode()
    found = StripeWebhooks([SECRET]).open(signed(body), body, NOW)
    assert (found.id, found.thin, found.api_version) == ("evt_test_2", True, None)
    assert (found.created, found.state) == (NOW - timedelta(seconds=5), "waiting")


def test_while_secrets_are_exchanged_either_opens() -> None:
    both = StripeWebhooks([SECRET, OLD])
    for header in (
        signed(),
        signed(secret=OLD),
        f"t={T},v1={by_hand(BODY, OLD)},v1={by_hand(BODY)}",
        f"t={T},v0={'0' * 64},v1={by_hand(BODY)}",
        f"v1={by_hand(BODY)},t={T}",
    ):
        assert opens(header, door=both), header
    assert opens(f"t={T},v1={by_hand(BODY, OLD)},v1={by_hand(BODY)}")
    assert not opens(signed(secret=OLD))
    assert not opens(signed(secret="whsec_" + "z" * 24), door=both)


@pytest.mark.parametrize(
    "header",
    [
        "",
        " ",
        "t",
        "t=",
        "v1=",
        f"t={T}",
        f"t={T},",
        f"t={T},v1=",
        f"t={T},v1",
        f"v1={by_hand(BODY)}",
        f"t={T},v0={by_hand(BODY)}",
        f"t={T},v1={by_hand(BODY)[:-1]}",
        f"t={T},v1={by_hand(BODY)}0",
        f"t={T},v1={by_hand(BODY).upper()}",
        f"t={T},v1=é{by_hand(BODY)}",
        f"t={T + 1},v1={by_hand(BODY)}",
        f"t={T},t={T},v1={by_hand(BODY)}",
        f"t={T}, v1={by_hand(BODY)}",
        f"t=-1,v1={by_hand(BODY, t=-1)}",
        f"t=0{T},v1={by_hand(BODY, t=f'0{T}')}",
        f"t=+{T},v1={by_hand(BODY)}",
        f"t={'9' * 5000},v1={by_hand(BODY)}",
        f"t={T},{'v1=0,' * 200}v1={by_hand(BODY)}",
        "x" * (MAX_HEADER + 1),
        signed(secret=""),
        signed(secret=" "),  # noqa: S106  # the mistake that is tried
        signed(secret=SECRET.removeprefix("whsec_")),
        signed(body=b""),
        signed(body=json.dumps(EVENT).encode()),
        f"t={T},v1={hashlib.sha256(f'{T}.'.encode() + BODY).hexdigest()}",
    ],
)
def test_a_header_that_is_no_signature_opens_nothing(header: str) -> None:
    assert not opens(header)


@pytest.mark.parametrize(
    ("seconds", "opened"),
    [(-301, False), (-300, True), (0, True), (300, True), (301, False)],
)
def test_a_signature_is_good_for_five_minutes_on_both_sides(seconds: int, *, opened: bool) -> None:
    assert opens(signed(t=T + seconds)) == opened


def test_a_local_stripe_may_be_ahead_and_never_old() -> None:
    local = StripeWebhooks([SECRET], ahead=None)
    assert opens(signed(t=T + 365 * 86_400), door=local)
    assert not opens(signed(t=T - 301), door=local)
    assert opens(signed(t=99_999_999_999), door=local)


@pytest.mark.parametrize(
    ("changes", "live", "state"),
    [
        ({}, None, "waiting"),
        ({}, False, "waiting"),
        ({}, True, "foreign"),
        ({"livemode": True}, None, "waiting"),
        ({"livemode": True}, False, "foreign"),
        ({"livemode": True}, True, "waiting"),
        ({"account": "acct_1"}, None, "foreign"),
        ({"account": None}, False, "waiting"),
        ({"api_version": "2026-11-30.endive"}, False, "waiting"),
        ({"api_version": "2026-03-25.dahlia"}, False, "other_version"),
        ({"api_version": "2024-06-20"}, False, "other_version"),
        ({"api_version": None}, False, "other_version"),
        ({"api_version": "2024-06-20", "livemode": True}, False, "foreign"),
    ],
)
def test_what_is_not_ours_or_in_another_version_is_marked(
    changes: dict[str, object], live: bool | None, state: str
) -> None:
    body = json.dumps(EVENT | changes).encode()
    found = StripeWebhooks([SECRET], live).open(signed(body), body, NOW)
    assert found.state == state


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"evt_1"',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        *(
            json.dumps(EVENT | odd).encode()
            for odd in (
                {"id": ""},
                {"id": "a b"},
                {"id": "evt_\x00"},
                {"id": "evt_1\n"},
                {"id": "é"},
                {"id": "x" * 201},
                {"id": 7},
                {"type": None},
                {"type": "x\x00"},
                {"object": "invoice"},
                {"created": "yesterday"},
                {"created": "2026-11-21T09:00:00"},
                {"created": "0001-01-01T00:00:00+14:00"},
                {"created": True},
                {"created": 1.5},
                {"created": -1},
                {"created": 10**30},
                {"livemode": "no"},
                {"api_version": "x" * 201},
                {"account": 7},
            )
        ),
        *(
            json.dumps({name: value for name, value in EVENT.items() if name != without}).encode()
            for without in ("id", "object", "type", "created", "livemode")
        ),
    ],
)
def test_what_is_signed_and_no_event_gets_a_sentence(body: bytes) -> None:
    with pytest.raises(Invalid, match="no event of Stripe's") as caught:
        StripeWebhooks([SECRET]).open(signed(body), body, NOW)
    assert caught.value.reason == "not_an_event"


def test_nothing_beyond_the_envelope_is_read() -> None:
    body = BODY[:-1] + b', "number": 1e999999, "huge": ' + b"9" * 5000 + b"}"
    assert opens(signed(body), body)


def test_without_a_secret_there_is_no_door() -> None:
    for secrets in ([], [""], [" "], [SECRET, ""]):
        with pytest.raises(AssertionError):
            StripeWebhooks(secrets)
    assert SECRET not in repr(StripeWebhooks([SECRET]))


# ---- 10,000 forgeries, judged by the SDK as well ------------------------------------------------

Forge = Callable[[random.Random], tuple[str, bytes]]


def flipped(dice: random.Random, body: bytes) -> bytes:
    place, bit = dice.randrange(len(body)), 1 << dice.randrange(8)
    return body[:place] + bytes([body[place] ^ bit]) + body[place + 1 :]


def in_the_header(dice: random.Random) -> tuple[str, bytes]:
    return flipped(dice, signed().encode()).decode("latin-1"), BODY


def in_the_body(dice: random.Random) -> tuple[str, bytes]:
    return signed(), flipped(dice, BODY)


def cut_short(dice: random.Random) -> tuple[str, bytes]:
    if dice.random() < 0.5:
        return signed(), BODY[: dice.randrange(len(BODY))]
    return signed()[: dice.randrange(len(signed()))], BODY


def swapped(dice: random.Random) -> tuple[str, bytes]:
    first, second = sorted(dice.sample(range(len(BODY)), 2))
    swap = BODY[second : second + 1] + BODY[first + 1 : second] + BODY[first : first + 1]
    body = BODY[:first] + swap + BODY[second + 1 :]
    return signed(), body if body != BODY else BODY + b" "


def of_another_secret(dice: random.Random) -> tuple[str, bytes]:
    wrong = ("", " ", "whsec_", OLD, SECRET[6:], SECRET[:-1], SECRET.lower(), f"{SECRET} ")
    return signed(secret=dice.choice(wrong)), BODY


def of_another_time(dice: random.Random) -> tuple[str, bytes]:
    if dice.random() < 0.5:  # a true signature under another time
        return f"t={T + dice.choice((-1, 1)) * dice.randint(1, 400)},v1={by_hand(BODY)}", BODY
    return signed(t=T - dice.randint(301, 10**9)), BODY


def of_another_scheme(dice: random.Random) -> tuple[str, bytes]:
    scheme = dice.choice(("v0", "v2", "V1", "v1 ", " v1", "", "v10"))
    return f"t={T},{scheme}={by_hand(BODY)}", BODY


FORGERIES: tuple[Forge, ...] = (
    in_the_header,
    in_the_body,
    cut_short,
    swapped,
    of_another_secret,
    of_another_time,
    of_another_scheme,
)


def accepted(verdict: Callable[[str, bytes], bool]) -> int:
    """How many of 10,000 forgeries are let in."""
    dice, found = random.Random("forgeries"), 0  # noqa: S311  # a test's dice
    for number in range(10_000):
        header, body = FORGERIES[number % len(FORGERIES)](dice)
        found += verdict(header, body)
    return found


def test_of_ten_thousand_forgeries_none_is_opened() -> None:
    assert accepted(opens) == 0


def verified(header: str, body: bytes, secret: str) -> bool:
    """Whether the signature is right, be the body an event or not."""
    try:
        StripeWebhooks([secret], ahead=None).open(header, body, EPOCH)
    except Invalid as error:
        return error.reason == "not_an_event"
    return True


TEXTS = strategies.text(strategies.characters(exclude_categories=["Cs"]), max_size=40)
SECRETS = strategies.text(strategies.characters(min_codepoint=33, max_codepoint=126), min_size=1)


@given(TEXTS, SECRETS, strategies.integers(0, 10**10), TEXTS, SECRETS)
def test_it_agrees_with_the_official_library(
    text: str, secret: str, t: int, other_text: str, other_secret: str
) -> None:
    header = stripe.WebhookSignature.generate_signature_header(text, secret, t)
    assert header == signed(text.encode(), secret, t)
    for body in (text.encode(), other_text.encode()):
        for key in (secret, other_secret):
            assert verified(header, body, key) == oracle(header, body, key)


def without_a_check(header: str, body: bytes) -> bool:
    del header, body
    return True


def with_an_empty_key(header: str, body: bytes) -> bool:
    return opens(header, body) or header == signed(body, "")


def over_the_json_printed_again(header: str, body: bytes) -> bool:
    try:
        again = json.dumps(json.loads(body), indent=2, ensure_ascii=False).encode()
    except ValueError:
        return False
    return opens(header, again)


def of_any_age(header: str, body: bytes) -> bool:
    return opens(header, body, at=EPOCH + timedelta(seconds=stamp(header)))


def stamp(header: str) -> int:
    digits = header.removeprefix("t=").partition(",")[0]
    return min(int(digits), T) if digits.isascii() and digits.isdigit() else 0


@pytest.mark.parametrize(
    "planted", [without_a_check, with_an_empty_key, over_the_json_printed_again, of_any_age]
)
def test_the_forgeries_find_each_planted_defect(planted: Callable[[str, bytes], bool]) -> None:
    assert accepted(planted) > 0


def test_a_check_over_json_printed_again_refuses_what_stripe_sent() -> None:
    body = BODY.replace(b'"created": ', b'"created":  ')
    assert opens(signed(body), body)
    assert not over_the_json_printed_again(signed(body), body)
