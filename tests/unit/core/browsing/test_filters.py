"""Filters find what they say, whatever bytes they meet; and leave out no batch that has it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anymq.core.browsing import conditions
from anymq.core.browsing.conditions import Condition, steps_of
from anymq.core.browsing.filters import Filter, time_of
from anymq.core.browsing.places import position_of, text_of
from anymq.core.errors import Invalid
from anymq.core.message import Envelope, Message, Properties
from anymq.core.portable.record_form import RECORD_FORM
from anymq.core.queues import stored
from anymq.protocols.amqp.properties import AMQP_FORM
from anymq.storage import records
from anymq.storage.batch import read_header

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**6), 10**6),
    st.integers(0, 30).map(lambda power: 10**power),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
)


def message(body: bytes, **properties: Any) -> Message:
    said = AMQP_FORM.write(Properties(**properties))
    return Message(Envelope("x", "a.b.c", AMQP_FORM), said, body, 1000)


def holds_batch(wanted: Filter, one: Message) -> bool:
    """Would the batch that it is stored in be looked into?"""
    batch, _ = stored.encode([(0, one)], 0)
    may_hold = wanted.may_hold
    return may_hold is None or may_hold(records.body_of(batch, read_header(batch)))


@given(value=SCALARS, ascii_=st.booleans())
def test_json_that_has_the_value_is_found(value: Any, ascii_: bool) -> None:
    wanted = Filter({"json": [{"path": "a[0].b", "op": "=", "value": value}]})
    one = message(json.dumps({"a": [{"b": value}]}, ensure_ascii=ascii_).encode())
    assert wanted.matches(one)
    assert holds_batch(wanted, one)


@given(body=st.binary(max_size=60), value=SCALARS)
def test_whatever_the_bytes_it_is_an_answer(body: bytes, value: Any) -> None:
    for op in ("=", "!=", "<", ">=", "contains", "starts", "exists", "missing"):
        wanted = Filter({"json": [{"path": "[*]", "op": op, "value": value}]})
        assert wanted.matches(message(body)) in (True, False)


@given(text=st.text(min_size=1, max_size=5))
def test_names_texts_and_headers_are_in_the_batch(text: str) -> None:
    one = message(f"--{text}--".encode(), headers={"h": text}, message_id=text)
    one = one._replace(envelope=Envelope(text, f"a.{text}.z", AMQP_FORM))
    for said in (
        {"text": text},
        {"headers": [{"name": "h", "value": text}]},
        {"properties": [{"name": "message_id", "value": text}]},
    ):
        assert Filter(said).matches(one)
        assert holds_batch(Filter(said), one)


def test_a_record_of_kafka_is_found_by_its_headers() -> None:
    said = RECORD_FORM.write(Properties(headers={"tenant": "acme"}))
    one = Message(Envelope("", "k", RECORD_FORM), said, b"x", 0)
    wanted = Filter({"headers": [{"name": "tenant", "value": "acme"}]})
    assert wanted.matches(one)
    assert holds_batch(wanted, one)


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("a.b.c", True),
        ("a.*", True),
        ("*.c", True),
        ("*", True),
        ("a*b*c", True),
        ("a.b", False),
        ("*.d", False),
        ("a.b*b.c", False),
        ("", False),
    ],
)
def test_names_may_have_stars(pattern: str, matches: bool) -> None:
    assert Filter({"routing_key": pattern}).matches(message(b"")) is matches


@pytest.mark.parametrize(
    ("op", "value", "holds"),
    [
        ("=", 5, True),
        ("=", 5.0, True),
        ("=", "5", False),
        ("=", True, False),
        ("!=", 6, True),
        ("!=", 5, False),
        ("<", 6, True),
        ("<", "6", False),
        ("<=", 5, True),
        (">", 5, False),
        (">=", 5, True),
        ("contains", "5", False),
        ("exists", None, True),
        ("missing", None, False),
    ],
)
def test_what_is_compared_is_of_one_kind(op: str, value: Any, holds: bool) -> None:
    condition = Condition(steps_of("n"), {"op": op, "value": value})
    assert condition.holds({"n": 5}) is holds


def test_of_several_one_is_enough_and_none_for_the_opposite() -> None:
    root = {"a": [{"b": 1}, {"b": 2}, {}]}
    assert Condition(steps_of("a[*].b"), {"value": 2}).holds(root)
    assert not Condition(steps_of("a[*].b"), {"op": "!=", "value": 2}).holds(root)
    assert not Condition(steps_of("a[*].c"), {"op": "!=", "value": 2}).holds(root)
    assert Condition(steps_of("a[*].c"), {"op": "missing"}).holds(root)


def test_of_very_many_elements_some_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """A message of 16 MB may have millions, and lists in lists of them: jobs have to take turns."""
    monkeypatch.setattr(conditions, "ELEMENTS_MAX", 5)
    root = {"a": [[1, 2], [3], [4]]}
    steps = steps_of("a[*][*]")  # three lists, and two of what is in them
    assert Condition(steps, {"value": 2}).holds(root)
    assert not Condition(steps, {"value": 3}).holds(root)
    assert Condition(steps_of("a[2][0]"), {"value": 4}).holds(root)


@pytest.mark.parametrize("path", ["a..b", "a[", "a[x]", '"a', "a[1", "[99999999999]", "a" * 1001])
def test_what_is_no_path(path: str) -> None:
    with pytest.raises(Invalid):
        steps_of(path)


def test_names_with_dots_are_quoted() -> None:
    assert steps_of('$.a."b.c\\"d"[3]') == ("a", 'b.c"d', 3)


@given(part=st.integers(0, 255), at=st.integers(0, 2**56 - 1))
def test_a_position_comes_back_from_its_text(part: int, at: int) -> None:
    position = part << 56 | at
    assert position_of(text_of(position)) == position


@pytest.mark.parametrize("text", ["", "x", "-1", "1:", ":1", "1:2:3", "9" * 30, "²", None, []])
def test_what_is_no_position(text: object) -> None:
    with pytest.raises(Invalid):
        position_of(text)


def test_times() -> None:
    assert time_of(5) == time_of("5") == 5
    assert time_of("2026-11-21T09:30:00Z") == time_of("2026-11-21T09:30:00") == 1795253400000


@pytest.mark.parametrize("said", ["now", None, True, [], "9" * 40])
def test_what_is_no_time(said: object) -> None:
    with pytest.raises(Invalid):
        time_of(said)
