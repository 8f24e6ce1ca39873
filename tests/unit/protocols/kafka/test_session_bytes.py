"""No bytes make a session raise, hang or forget what it holds. `./dev fuzz` searches for longer."""

import struct

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fuzz.kafka_conversation import LOCKED_BIT, STREAM_BIT, VALID_BATCH_BIT, Rooms, talk

ROOMS = Rooms()
BODIES = st.one_of(
    st.binary(max_size=200),
    st.lists(
        st.sampled_from(
            [b"\0", b"\1", b"\2", b"\xff", b"\0\0\0\1", b"\0\1a", b"\2a", b"\xff" * 4, b"<batch>"]
        ),
        max_size=40,
    ).map(b"".join),
)
REQUESTS = st.lists(
    st.builds(
        lambda which, version, body: struct.pack(">BBH", which, version, len(body)) + body,
        st.integers(0, 255),
        st.integers(0, 255),
        BODIES,
    ),
    max_size=12,
).map(b"".join)
SETUPS = st.sampled_from([0, LOCKED_BIT, VALID_BATCH_BIT])


@settings(max_examples=300, deadline=None)
@given(SETUPS, REQUESTS)
def test_requests_of_anything(setup: int, requests: bytes) -> None:
    assert talk(ROOMS, bytes([setup]) + requests) < 1.0


@settings(max_examples=200, deadline=None)
@given(st.booleans(), st.binary(max_size=2000))
def test_a_stream_of_anything(locked: bool, stream: bytes) -> None:
    setup = STREAM_BIT | (LOCKED_BIT if locked else 0)
    assert talk(ROOMS, bytes([setup]) + stream) < 1.0
