"""What members of a group tell each other, and how they share."""

from hypothesis import given
from hypothesis import strategies as st

from anymq.cli.kafka.assignment import (
    assign_range,
    decode_assignment,
    decode_subscription,
    encode_assignment,
    encode_subscription,
)
from anymq.cli.kafka.offsets import Where

names = st.text(min_size=1, max_size=10)


@given(st.lists(names))
def test_subscriptions_come_back(topics: list[str]) -> None:
    assert decode_subscription(encode_subscription(topics)) == topics


@given(st.lists(st.tuples(names, st.integers(0, 1000)), unique=True))
def test_assignments_come_back(partitions: list[Where]) -> None:
    assert sorted(decode_assignment(encode_assignment(partitions))) == sorted(partitions)


@given(st.binary(max_size=60))
def test_nobody_elses_bytes_break_us(data: bytes) -> None:
    """Groups of other clients hold whatever they like in there."""
    decode_assignment(data)
    decode_subscription(data)


def test_neighbours_go_to_one_member_and_the_first_gets_more() -> None:
    shares = assign_range({"a": ["t"], "b": ["t"], "c": ["t"]}, {"t": 7})

    assert shares == {
        "a": [("t", 0), ("t", 1), ("t", 2)],
        "b": [("t", 3), ("t", 4)],
        "c": [("t", 5), ("t", 6)],
    }


def test_who_did_not_ask_for_a_topic_does_not_get_it() -> None:
    shares = assign_range({"a": ["t", "u"], "b": ["u"]}, {"t": 1, "u": 2})

    assert shares == {"a": [("t", 0), ("u", 0)], "b": [("u", 1)]}


@given(st.integers(1, 6), st.integers(0, 20))
def test_every_partition_has_one_reader(members: int, partitions: int) -> None:
    wanted = {f"m{number}": ["t"] for number in range(members)}
    shares = assign_range(wanted, {"t": partitions})
    given_out = [where for share in shares.values() for where in share]

    assert sorted(given_out) == [("t", index) for index in range(partitions)]


def test_a_topic_that_is_not_there_has_no_partitions() -> None:
    assert assign_range({"a": ["t"]}, {}) == {"a": []}
