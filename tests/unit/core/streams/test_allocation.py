"""The table of allocation: what each strategy gives, as RocketMQ's own clients compute it.

Members of one group must not disagree about who reads what, whichever client each of them uses:
so every row here was computed by RocketMQ's rules, and docs/explanation/allocation.md shows them.
"""

import random
from pathlib import Path

import pytest

from anymq.core.errors import Invalid
from anymq.core.streams.allocation import (
    NO_ROOMS,
    ByConfig,
    ByMachineRoom,
    ConsistentHash,
    NearbyMachineRoom,
    QueueName,
    Rooms,
    Strategy,
    allocate,
    averagely,
    averagely_by_circle,
    strategy_named,
)

PAGE = Path(__file__).parents[4] / "docs" / "explanation" / "allocation.md"
MEMBERS = ["c0", "c1", "c2", "c3"]
ROOM_OF_MEMBER = {"c0": "A", "c1": "A", "c2": "A", "c3": "B"}


def queues(*brokers: str) -> list[QueueName]:
    """Queue 0, 1, 2, … lies with these brokers."""
    return [QueueName("T", broker, index) for index, broker in enumerate(brokers)]


def parts(
    strategy: Strategy, all_of_them: list[QueueName], members: list[str] = MEMBERS
) -> list[list[int]]:
    return [[q.queue for q in mine] for mine in allocate(strategy, all_of_them, members).values()]


TEN = queues(*["b"] * 10)
IN_ROOM = queues(*["A@b"] * 10)
ROOMS_A_B = queues(*["A@b"] * 6, *["B@b"] * 4)
ROOMS_A_B_C = queues(*["A@b"] * 6, *["B@b"] * 2, *["C@b"] * 2)


def nearby(inner: Strategy) -> NearbyMachineRoom:
    return NearbyMachineRoom(
        inner, lambda queue: queue.broker.partition("@")[0], ROOM_OF_MEMBER.__getitem__
    )


TABLE: list[tuple[str, Strategy, list[QueueName], list[list[int]]]] = [
    ("AVG", averagely, TEN, [[0, 1, 2], [3, 4, 5], [6, 7], [8, 9]]),
    ("AVG_BY_CIRCLE", averagely_by_circle, TEN, [[0, 4, 8], [1, 5, 9], [2, 6], [3, 7]]),
    ("MACHINE_ROOM", ByMachineRoom({"A"}), IN_ROOM, [[0, 1, 8], [2, 3, 9], [4, 5], [6, 7]]),
    ("NEARBY", nearby(averagely), ROOMS_A_B, [[0, 1], [2, 3], [4, 5], [6, 7, 8, 9]]),
    ("NEARBY, C empty", nearby(averagely), ROOMS_A_B_C, [[0, 1, 8], [2, 3, 9], [4, 5], [6, 7]]),
]


@pytest.mark.parametrize(
    ("strategy", "all_of_them", "expected"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE]
)
def test_the_table(
    strategy: Strategy, all_of_them: list[QueueName], expected: list[list[int]]
) -> None:
    """Ten queues, four consumers."""
    assert parts(strategy, all_of_them) == expected


def test_the_page_says_what_they_give() -> None:
    """Who chooses a strategy reads docs/explanation/allocation.md."""
    page = PAGE.read_text()
    for _, _, _, expected in TABLE:
        row = " · ".join(
            f"c{index}: {' '.join(map(str, mine))}" for index, mine in enumerate(expected)
        )
        assert f"| {row} |" in page


def test_fewer_queues_than_members() -> None:
    """One each, and the rest have nothing to do."""
    assert parts(averagely, TEN[:2]) == [[0], [1], [], []]
    assert parts(averagely_by_circle, TEN[:2]) == [[0], [1], [], []]
    assert parts(ByMachineRoom({"A"}), IN_ROOM[:2]) == [[0], [1], [], []]


def test_machine_room_leaves_other_rooms_and_names_without_one() -> None:
    """Queues whose broker is in no room of ours, or says none, are nobody's."""
    mixed = queues("A@b", "B@b", "b", "A@b@c", "A@b")
    assert parts(ByMachineRoom({"A"}), mixed, ["c0"]) == [[0, 4]]


def test_nearby_asks_the_inner_strategy_in_every_room() -> None:
    """Circle within the rooms, and over all members where nobody lives."""
    assert parts(nearby(averagely_by_circle), ROOMS_A_B_C) == [
        [0, 3, 8],
        [1, 4, 9],
        [2, 5],
        [6, 7],
    ]


def test_nearby_when_a_whole_room_of_consumers_dies() -> None:
    """B's queues are B's while one lives there, and everyone's after that."""
    assert parts(nearby(averagely), ROOMS_A_B, ["c0", "c1"]) == [
        [0, 1, 2, 6, 7],
        [3, 4, 5, 8, 9],
    ]


def test_consistent_hash_is_the_ring_that_java_clients_build() -> None:
    """Ten points for each member, by the first four bytes of MD5: computed by hand for these."""
    strategy = ConsistentHash()
    owners = {q: who for who, mine in allocate(strategy, TEN, MEMBERS).items() for q in mine}
    assert len(owners) == len(TEN)
    # MD5("MessageQueue [topic=T, brokerName=b, queueId=0]") begins with these four bytes, and the
    # next point on the ring is the owner's.
    ring = sorted((_point(f"{who}-{n}"), who) for who in MEMBERS for n in range(10))
    for queue, owner in owners.items():
        text = f"MessageQueue [topic=T, brokerName=b, queueId={queue.queue}]"
        after = [who for place, who in ring if place >= _point(text)]
        assert owner == (after[0] if after else ring[0][1])


def _point(text: str) -> int:
    import hashlib

    digest = hashlib.md5(text.encode()).hexdigest()
    return int(digest[:8], 16)


def test_consistent_hash_moves_only_what_it_must() -> None:
    """Who goes leaves his queues to others; nobody else's move."""
    many = queues(*["b"] * 64)
    before = allocate(ConsistentHash(), many, MEMBERS)
    after = allocate(ConsistentHash(), many, MEMBERS[:3])
    for member in MEMBERS[:3]:
        assert set(before[member]) <= set(after[member])
    assert sum(map(len, after.values())) == len(many)


def test_config_gives_what_is_written_down_and_there() -> None:
    """Also when nobody has the rest."""
    strategy = ByConfig({"c0": [TEN[3], TEN[1]], "c1": [QueueName("T", "gone", 0)]})
    assert parts(strategy, TEN) == [[3, 1], [], [], []]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(
    "strategy",
    [averagely, averagely_by_circle, ConsistentHash(), ByMachineRoom({"r0", "r1", "r2"})],
    ids=["AVG", "AVG_BY_CIRCLE", "CONSISTENT_HASH", "MACHINE_ROOM"],
)
def test_every_queue_has_exactly_one_reader(strategy: Strategy, seed: int) -> None:
    """Whatever there is of both: nothing is read twice, nothing is left."""
    chance = random.Random(seed)
    all_of_them = queues(*(f"r{chance.randrange(3)}@b" for _ in range(chance.randint(1, 40))))
    members = [f"10.0.0.{n}@{n}" for n in range(chance.randint(1, 12))]
    for tried in (strategy, NearbyMachineRoom(strategy, lambda q: q.broker[:2], _some_room)):
        given = [q for mine in allocate(tried, all_of_them, members).values() for q in mine]
        assert sorted(given) == sorted(all_of_them)


def _some_room(member: str) -> str:
    return f"r{sum(map(ord, member)) % 2}"


def test_names_on_the_wire() -> None:
    """What Java's clients send in QUERY_ASSIGNMENT."""
    rooms = Rooms({"10.1.*": "A", "*": "B"})
    assert strategy_named("AVG") is averagely
    assert strategy_named("AVG_BY_CIRCLE") is averagely_by_circle
    assert strategy_named("MACHINE_ROOM", rooms) == ByMachineRoom({"A", "B"})
    assert strategy_named("CONSISTENT_HASH") == ConsistentHash()
    assert strategy_named("CONFIG", NO_ROOMS, {}) == ByConfig({})
    near = strategy_named("MACHINE_ROOM_NEARBY-AVG", Rooms({"10.1.*": "A", "10.2.*": "B"}))
    members = ["10.1.0.1@7", "10.1.0.2@8", "10.2.0.1@9"]
    assert parts(near, ROOMS_A_B, members) == [[0, 1, 2], [3, 4, 5], [6, 7, 8, 9]]
    with pytest.raises(Invalid, match="LUCK"):
        strategy_named("LUCK")


def test_rooms() -> None:
    """The first pattern that fits; else the name says it; else nothing is known."""
    rooms = Rooms({"10.1.*": "A", "10.*": "B"})
    assert [rooms.of(name) for name in ("10.1.2.3@4", "10.2.2.3@4", "C@broker", "broker")] == [
        "A",
        "B",
        "C",
        "",
    ]
