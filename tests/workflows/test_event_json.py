"""What is an event, and what only looks like one?"""

import json
import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallygate.core.errors import Invalid, TooLarge
from tallygate.workflows.event_json import read_array, read_lines, read_single, strict_event
from tallygate.workflows.ingest import Batch

GOOD = b'{"id":"a","source":"s","type":"t","subject":"x"%s}'
NUMBERS = "at most 15 digits"


def event(data: bytes) -> bytes:
    return GOOD % (b',"data":' + data)


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (event(b'{"a":1e308}'), NUMBERS),
        (event(b'{"a":-1E+1000000}'), NUMBERS),
        (event(b'{"a":1e99999999999999999999}'), NUMBERS),
        (event(b'{"a":' + b"1" * 400 + b"}"), NUMBERS),
        (event(b'{"a":' + b"1" * 5000 + b"}"), "out of range"),
        (event(b'{"a":0.' + b"1" * 400 + b"}"), NUMBERS),
        (event(b'{"a":[1000000000000000]}'), NUMBERS),
        (event(b'{"a":"\\u0000"}'), "NUL"),
        (event(b'{"a":{"b\\u0000":1}}'), "NUL"),
        (event(b'{"a":1,"a":1}'), "stands twice"),
        (event(b'{"a":{"b":1,"b" :1}}'), "stands twice"),
        (GOOD % b',"id":"b"', "stands twice"),
        (event(b'{"a":' + b"[" * 9 + b"]" * 9 + b"}"), "deeper than 8"),
        (event(b'{"a":' + b'{"a":' * 500 + b"1" + b"}" * 501), "deeper than 8"),
        (event(b'{"a":["' + b"x" * 140_000 + b'"]}'), "longer than 128 KiB"),
        (GOOD.replace(b'"x"', b'"\xff"') % b"", "UTF-8"),
        (event(b"[1]"), "data"),
        (event(b'"text"'), "data"),
        (GOOD % b',"time":"yesterday"', "time"),
        (GOOD % b',"time":"2026-01-01T00:00:00"', "timezone"),
        (GOOD % b',"time":"2026-01-01T00:00:61Z"', "time"),
        (GOOD % b',"time":1767225600', "time"),
        (GOOD % b',"specversion":"0.3"', "1.0"),
        (GOOD % b',"datacontenttype":"text/xml"', "application/json"),
        (GOOD.replace(b'"a"', b'"a b"') % b"", "A-Z a-z"),
        (GOOD.replace(b'"a"', b'""') % b"", "A-Z a-z"),
        (GOOD.replace(b'"a"', b'"%s"' % (b"a" * 129)) % b"", "A-Z a-z"),
        (GOOD.replace(b'"a"', '"\u0661"'.encode()) % b"", "A-Z a-z"),
        (GOOD.replace(b'"a"', b'"a\\nb"') % b"", "A-Z a-z"),
        (GOOD.replace(b'"s"', b'"s\\u0007"') % b"", "printable"),
        (GOOD.replace(b'"t"', b'""') % b"", "printable"),
        (GOOD.replace(b'"x"', b'"x y"') % b"", "printable"),
        (GOOD.replace(b'"x"', b"null") % b"", "subject"),
        (b'{"id":"a","source":"s","type":"t"}', "subject"),
        (b"[]", "object"),
        (b"7", "object"),
        (b"null", "object"),
    ],
)
def test_a_malformed_event_is_refused_alone(raw: bytes, sentence: str) -> None:
    good = GOOD % b""
    started = time.perf_counter()
    batch = read_array(b"[" + b",".join([good, raw, good]) + b"]", None, 10)
    assert time.perf_counter() - started < 1
    assert [event.id for event in batch.events] == ["a", "a"]
    assert batch.places == [0, 2]
    [refused] = batch.refused
    assert refused.index == 1
    assert sentence in refused.error
    assert read_lines(b"\n".join([good, raw, b"", good]), None, 10).refused == batch.refused


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"{",
        b"[",
        b"[{}",
        b"[]]",
        b"\xff\xfe",
        b"\xef\xbb\xbf[]",
        b"[NaN]",
        event(b'{"a":NaN}'),
        event(b'{"a":Infinity}'),
        event(b'{"a":01}'),
        event(b'{"a":"\x00"}'),
        event(b'{"a":"\\ud800"}'),
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[" + b"[" * 100_000 + b"]" * 100_001,
    ],
)
def test_a_body_that_is_no_json_is_refused_whole(body: bytes) -> None:
    started = time.perf_counter()
    with pytest.raises(Invalid):
        (read_array if body[:1] == b"[" else read_single)(body, None, *((9,) * (body[:1] == b"[")))
    assert time.perf_counter() - started < 1


def test_the_size_of_a_batch_is_bounded() -> None:
    body = b"[" + b",".join([GOOD % b""] * 11) + b"]"
    with pytest.raises(TooLarge, match="may have 10"):
        read_array(body, None, 10)
    with pytest.raises(TooLarge):
        read_array(b"[" + b",".join([b"1"] * 11) + b"]", None, 10)
    with pytest.raises(TooLarge):
        read_lines(b"\n".join([b"1"] * 11), None, 10)


def test_numbers_keep_their_digits() -> None:
    raw = event(b'{"a":0.10,"b":1e3,"c":999999999999999,"d":0.000000000001,"e":-0.0,"f":1.5E-3}')
    for batch in (read_single(raw, None), read_array(b"[" + raw + b"]", None, 1)):
        [found] = batch.events
        assert found.data == {
            "a": Decimal("0.10"),
            "b": Decimal("1E+3"),
            "c": 999999999999999,
            "d": Decimal("0.000000000001"),
            "e": Decimal("-0.0"),
            "f": Decimal("0.0015"),
        }
        assert str(found.data["a"]) == "0.10"


def test_what_cloudevents_allows_is_taken() -> None:
    extra = (
        b',"traceparent":"00-ab","dataschema":"https://x/y","datacontenttype":"application/json"'
    )
    raw = GOOD % (extra + b',"time":"2026-01-01T01:00:00.123456789+01:00","data":{"a":{"b":[1]}}')
    event = strict_event(raw)
    assert event.data == {"a": {"b": [1]}}
    assert read_single(raw, None).events[0] == event


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**16), 10**16) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)
TEXT = st.text(alphabet='ab:" \\\x00\u0661.~é', max_size=6)
EVENTS = st.fixed_dictionaries(
    {"id": TEXT, "source": TEXT, "type": st.just("t"), "subject": TEXT},
    optional={"data": st.dictionaries(TEXT, JSON), "time": TEXT, "specversion": st.just("1.0")},
)


@given(st.lists(EVENTS, max_size=4), st.booleans(), st.sampled_from([None, 1]))
def test_the_quick_way_and_the_certain_way_agree(
    events: list[dict[str, Any]], plain: bool, indent: int | None
) -> None:
    parts = [json.dumps(one, ensure_ascii=plain, indent=indent).encode() for one in events]
    batch = read_array(b"[" + b",".join(parts) + b"]", None, 10)
    certain = [strict_or_none(part) for part in parts]
    assert list(batch.events) == [one for one in certain if one is not None]
    assert len(batch.refused) == certain.count(None)


def strict_or_none(part: bytes) -> Any:
    try:
        return strict_event(part)
    except Invalid:
        return None


def test_an_empty_batch_is_a_batch() -> None:
    assert read_array(b"[]", None, 10) == Batch([])
    assert read_lines(b"\n\n", None, 10) == Batch([])
