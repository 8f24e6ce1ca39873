"""What STOMP's messages say, in the words of all protocols, and back."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anymq.core.message import Long, Properties, Time, Traits
from anymq.protocols.stomp.addresses import address_of, reply_to_of
from anymq.protocols.stomp.form import STOMP_FORM, packed, sayable


def read(**headers: Any) -> Properties:
    return STOMP_FORM.read(packed([(name.replace("_", "-"), headers[name]) for name in headers]))


def test_headers_that_are_properties() -> None:
    said = read(
        content_type="text/plain",
        persistent="true",
        priority="4",
        correlation_id="c",
        amqp_message_id="m",
        expiration="1000",
        timestamp="17",
        type="t",
        user_id="u",
        app_id="a",
        color="blue",
    )
    assert said == Properties(
        headers={"color": "blue"},
        content_type="text/plain",
        delivery_mode=2,
        priority=4,
        correlation_id="c",
        message_id="m",
        expiration="1000",
        timestamp=17,
        type="t",
        user_id="u",
        app_id="a",
    )
    assert STOMP_FORM.read(STOMP_FORM.write(said)) == said


def test_what_is_no_property_stays_a_header() -> None:
    said = read(priority="high", persistent="false", timestamp="today", correlation_id="x" * 300)
    assert said.headers == {
        "priority": "high",
        "persistent": "false",
        "timestamp": "today",
        "correlation-id": "x" * 300,
    }


def test_traits() -> None:
    properties = packed(
        [("persistent", "true"), ("priority", "7"), ("expiration", "5"), ("x-delay", "9")]
    )
    assert STOMP_FORM.traits(properties) == Traits(
        persistent=True, priority=7, expiration_ms=5, has_headers=True, delay_ms=9
    )
    assert STOMP_FORM.traits(b"") == Traits()


def test_copies_are_nothing_that_stomp_knows() -> None:
    """CC makes AMQP's messages go elsewhere, for which nobody has asked rights here."""
    said = read(CC="q")
    assert said.headers == {"x-stomp-CC": "q"}
    assert STOMP_FORM.read(STOMP_FORM.write(said)) == said


@pytest.mark.parametrize(
    ("stomp", "others"),
    [
        ("/reply-queue/q", "q"),
        ("/topic/a.b", "/exchanges/amq.topic/a.b"),
        ("/exchange/e/k", "/exchanges/e/k"),
        ("/exchange/e%2Ff/k", "/exchanges/e%2Ff/k"),
        ("/reply-queue/a/b", "a/b"),
    ],
)
def test_where_answers_go(stomp: str, others: str) -> None:
    assert reply_to_of(stomp) == others
    assert address_of(others) == stomp


def test_a_queue_by_its_destination_is_its_name() -> None:
    assert reply_to_of("/queue/q") == "q"
    assert reply_to_of("q") == "q"
    assert address_of("/queue/q") == "/queue/q"


VALUES = st.recursive(
    st.text(max_size=10)
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.binary(max_size=8)
    | st.none()
    | st.builds(Long, st.integers(0, 2**60))
    | st.builds(Time, st.integers(0, 2**33)),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=5) | st.sampled_from(["$bytes", "$long", "$table"]), inner, max_size=2
        )
    ),
    max_leaves=6,
)
NAMES = st.text(min_size=1, max_size=10).map(lambda name: f"h-{name}")


@given(st.dictionaries(NAMES, VALUES, max_size=5))
def test_values_of_others_come_back_as_they_were(headers: dict[str, Any]) -> None:
    headers = {name.replace("\0", ""): _sayable(headers[name]) for name in headers}
    said = STOMP_FORM.read(STOMP_FORM.write(Properties(headers=headers)))
    assert said.headers == headers
    for name, value in headers.items():
        assert type(said.headers[name]) is type(value)


def test_clients_read_them_as_text() -> None:
    pairs = sayable(Properties(headers={"n": 5, "t": True, "l": [1, "a"], "ack": "x"}))
    assert pairs == [("n", "5"), ("t", "true"), ("l", '[1,"a"]')]


def _sayable(value: Any) -> Any:
    return value.replace("\0", "") if isinstance(value, str) else value
