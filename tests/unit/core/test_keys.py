from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tallygate.core.ids import ALPHABET
from tallygate.core.keys import ApiKey, compose_key, digest_key, is_key, same_digest

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
bits = st.integers(0, 2**256 - 1)


def test_a_key_has_a_known_shape() -> None:
    key = compose_key(2**256 - 1)
    assert key.startswith("tg_live_1zzzz")
    assert len(key) == 8 + 52 + 7
    assert is_key(key)


@given(bits, bits)
def test_different_bits_make_different_keys(one: int, other: int) -> None:
    assert (compose_key(one) == compose_key(other)) == (one == other)


@given(bits, st.integers(8, 66), st.sampled_from(ALPHABET))
def test_a_mistyped_character_is_seen(number: int, place: int, character: str) -> None:
    key = compose_key(number)
    typed = key[:place] + character + key[place + 1 :]
    assert is_key(typed) == (typed == key)


def test_other_texts_are_no_keys() -> None:
    for text in ("", "tg_live_", "tg_test_" + compose_key(1)[8:], compose_key(1) + "0", "é" * 67):
        assert not is_key(text)


def test_a_digest_depends_on_the_secret_and_hides_the_key() -> None:
    key = compose_key(7)
    assert digest_key(key, "a") != digest_key(key, "b")
    assert key[8:20] not in digest_key(key, "a")
    assert same_digest(digest_key(key, "a"), digest_key(key, "a"))
    assert not same_digest(digest_key(key, "a"), digest_key(key, "b"))


def test_a_key_lives_from_its_creation_to_its_end() -> None:
    key = ApiKey("key_1", None, "", frozenset(("read",)), "abcd", NOON)
    hour = timedelta(hours=1)
    assert key.is_live(NOON)
    ends = ApiKey("key_1", None, "", frozenset(("read",)), "abcd", NOON, NOON + hour)
    assert ends.is_live(NOON)
    assert not ends.is_live(NOON + hour)
    gone = ApiKey("key_1", None, "", frozenset(("read",)), "abcd", NOON, None, NOON + hour)
    assert gone.is_live(NOON)
    assert not gone.is_live(NOON + hour)
