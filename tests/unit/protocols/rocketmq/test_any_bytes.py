"""No bytes make a session raise, or keep what it must give back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fuzz.rocketmq_conversation import Rooms, seeds, talk

STORIES = list(seeds())
rooms = Rooms()


@pytest.mark.parametrize("cut", [0, 1, 3, 80, 200, 255])
def test_what_makes_sense_however_it_is_cut(cut: int) -> None:
    """In two pieces, anywhere."""
    for story in STORIES:
        talk(rooms, bytes((story[0], cut)) + story[2:])


@given(
    story=st.sampled_from(STORIES),
    at=st.integers(0, 200),
    instead=st.binary(max_size=8),
    gone=st.integers(0, 8),
)
def test_what_is_spoilt(story: bytes, at: int, instead: bytes, gone: int) -> None:
    """A few bytes are others."""
    at = min(at, len(story))
    talk(rooms, story[:at] + instead + story[at + gone :])


@given(begin=st.integers(0, 1), noise=st.binary(max_size=300))
def test_noise(begin: int, noise: bytes) -> None:
    """Anything at all."""
    talk(rooms, bytes((begin, 128)) + noise)
