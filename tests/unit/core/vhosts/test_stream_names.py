"""Which topic a stream is: every stream one of its own, and plain names stay plain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anymq.core.errors import PreconditionFailed
from anymq.core.streams.naming import check_any_name
from anymq.core.streams.stream_names import stream_of, topic_of

NAMES = st.text(min_size=1, max_size=25) | st.sampled_from(
    [
        "orders",
        "%RETRY%a|b",
        "a.b",
        "a_b",
        "a-b",
        ".",
        "..",
        "__consumer_offsets",
        "anymq--x--y",
        "anymq---2F--q",
    ]
)
VHOSTS = st.just("/") | st.text(min_size=1, max_size=10)


@given(VHOSTS, NAMES)
def test_every_stream_is_a_topic_that_says_which_it_is(vhost: str, name: str) -> None:
    topic = topic_of(vhost, name)
    check_any_name(topic)
    assert stream_of(topic) == (vhost, name)


@given(st.from_regex(r"[a-zA-Z0-9._-]{1,60}", fullmatch=True) | st.just("anymq--a--b-zz"))
def test_every_topic_is_a_stream(topic: str) -> None:
    """No two topics the same one; those of Kafka clients are in the default virtual host."""
    vhost, name = stream_of(topic)
    assert (vhost, name) == ("/", topic) or topic_of(vhost, name) == topic


@pytest.mark.parametrize(
    ("vhost", "name", "topic"),
    [
        ("/", "orders", "orders"),
        ("/", "orders.eu_1-x", "orders.eu_1-x"),
        ("/", "two words", "anymq---2F--two-20words"),
        ("shop", "orders.eu", "anymq--shop--orders-2Eeu"),
        ("/", "anymq--a--b", "anymq---2F--anymq-2D-2Da-2D-2Db"),
    ],
)
def test_examples_of_the_docs(vhost: str, name: str, topic: str) -> None:
    assert topic_of(vhost, name) == topic
    assert stream_of(topic) == (vhost, name)


def test_a_name_that_kafka_could_not_hold() -> None:
    with pytest.raises(PreconditionFailed, match="is too long: as a topic it has"):
        topic_of("/", "ä" * 100)
