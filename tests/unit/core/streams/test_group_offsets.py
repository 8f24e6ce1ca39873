"""Committed offsets: kept when it says so, found after a restart, gone when nobody needs them."""

import pytest
from tests.unit.core.streams.group_room import GROUP, Room, Told, subscription

from anymq.core.streams import expiry, offset_records
from anymq.core.streams.group_calls import GroupError, Lag, NewOffset, State
from anymq.core.streams.offset_records import (
    GROUP as GROUP_KIND,
)
from anymq.core.streams.offset_records import (
    OFFSET,
    CommittedOffset,
    GroupRecord,
    Key,
)
from anymq.core.streams.subscription import topics
from anymq.storage import records
from anymq.storage.batch import read_header
from anymq.storage.errors import CorruptBatch, DiskFull, LogFailed, UnknownVersion
from anymq.storage.records import Record

DAY = 86_400
FIVE = NewOffset("orders", 0, 5)


@pytest.fixture
def room() -> Room:
    return Room()


def kept(room: Room, group: str = GROUP) -> dict[tuple[str, int], int]:
    room.log.commit()
    return room.keeps(group)


# -- commit


def test_the_answer_waits_for_the_disk(room: Room) -> None:
    """Whoever has its answer may forget the message it has read."""
    told = room.commit([FIVE])
    assert told.count == 0
    room.log.commit()
    assert (told.count, told.error) == (1, None)
    assert room.keeps() == {("orders", 0): 5}


def test_whoever_asks_after_committing_sees_it(room: Room) -> None:
    """Requests of one client are answered in order, also when it does not wait between them."""
    room.commit([FIVE])
    told = Told()
    room.groups.committed(GROUP, told.committed)
    assert told.count == 0
    room.log.commit()
    assert told.positions == {("orders", 0): 5}


def test_a_group_that_is_not_there_has_read_nothing(room: Room) -> None:
    assert room.keeps("nobody") == {}


def test_everything_said_is_found_again(room: Room) -> None:
    room.commit([NewOffset("orders", 3, 2**62, 7, "näher")], retention_ms=1000)
    room.log.commit()
    room.restart()
    offset = room.groups.offsets.of(GROUP).offsets["orders"][3]
    now_ms = room.clock.wall_ms()
    assert offset == CommittedOffset(2**62, 7, "näher", now_ms, now_ms + 1000)


def test_a_note_may_be_long_but_not_too_long(room: Room) -> None:
    told = room.commit([NewOffset("a", 0, 1, -1, "x" * 4096), NewOffset("b", 0, 1, -1, "x" * 4097)])
    room.log.commit()
    assert told.error is None
    assert told.refused == {("b", 0): GroupError.METADATA_TOO_LARGE}
    assert room.keeps() == {("a", 0): 1}


def test_when_all_is_refused_nothing_is_written(room: Room) -> None:
    told = room.commit([NewOffset("b", 0, 1, -1, "x" * 4097)])
    assert (told.count, room.log.end) == (1, 0)


def test_members_commit_in_their_generation(room: Room) -> None:
    anna, bert = room.stable("anna", "bert")
    assert anna.commits(FIVE).error is None
    assert kept(room) == {("orders", 0): 5}
    anna.generation = 1
    assert anna.commits(FIVE).error is GroupError.ILLEGAL_GENERATION
    bert.member_id = "stranger"
    assert bert.commits(FIVE).error is GroupError.UNKNOWN_MEMBER


def test_members_commit_before_they_join_again_but_not_after(room: Room) -> None:
    """What was read before the rebalance is not read again by whoever gets the partition."""
    anna, bert = room.stable("anna", "bert")
    carl = room.member("carl").joins()
    assert anna.commits(FIVE).error is None
    anna.joins()
    bert.joins()
    assert carl.commits(FIVE).error is GroupError.REBALANCE_IN_PROGRESS
    assert kept(room) == {("orders", 0): 5}


def test_a_commit_is_a_sign_of_life(room: Room) -> None:
    anna, _ = room.stable("anna", "bert")
    for _ in range(3):
        room.wait(9)
        anna.commits(FIVE)
    assert room.groups.describe(GROUP).members[0].id == anna.member_id
    room.wait(11)
    assert room.groups.describe(GROUP).members == []


def test_nobody_commits_past_the_members(room: Room) -> None:
    """A tool that resets offsets of a group at work would be overruled a moment later."""
    room.stable("anna")
    assert room.commit([FIVE]).error is GroupError.UNKNOWN_MEMBER


def test_a_generation_of_a_group_that_is_not_there(room: Room) -> None:
    told = room.commit([FIVE], member_id="anna-1", generation=3)
    assert told.error is GroupError.NOT_FOUND


def test_members_of_before_the_restart_are_unknown(room: Room) -> None:
    """They join again, and go on from what was committed."""
    (anna,) = room.stable("anna")
    anna.commits(FIVE)
    room.log.commit()
    room.restart()
    assert anna.commits(FIVE).error is GroupError.UNKNOWN_MEMBER
    assert anna.beats() is GroupError.UNKNOWN_MEMBER
    assert room.groups.describe(GROUP).protocol_type == "consumer"
    anna.member_id = ""
    anna.joins()
    assert anna.generation == 2
    assert room.keeps() == {("orders", 0): 5}


def test_what_the_disk_lost_was_not_promised(room: Room) -> None:
    room.commit([FIVE])
    room.log.commit()
    told = room.commit([NewOffset("orders", 0, 6)])
    room.log.roll_back(DiskFull("full"))
    assert (told.count, told.error) == (1, GroupError.UNAVAILABLE)
    assert room.keeps() == {("orders", 0): 5}


def test_a_log_that_failed_takes_no_commits(room: Room) -> None:
    room.log.failed = LogFailed("EIO")
    assert room.commit([FIVE]).error is GroupError.UNAVAILABLE
    assert room.stable("anna")


def test_a_commit_of_very_many_partitions_goes_in_batches(room: Room) -> None:
    told = room.commit([NewOffset("orders", index, index) for index in range(25_000)])
    room.log.commit()
    assert (told.count, len(room.log.headers(0))) == (1, 3)
    room.restart()
    assert len(room.keeps()) == 25_000


# -- delete


def settle(room: Room) -> None:
    """The disk is done with all, and with what came of that."""
    room.log.commit()
    room.log.commit()


def delete_offsets(room: Room, *partitions: tuple[str, int], group: str = GROUP) -> Told:
    told = Told()
    room.groups.delete_offsets(group, partitions, told.offsets)
    settle(room)
    assert told.count == 1
    return told


def delete(room: Room, group: str = GROUP) -> Told:
    told = Told()
    room.groups.delete(group, told.outcome)
    settle(room)
    assert told.count == 1
    return told


def test_offsets_are_deleted_for_good(room: Room) -> None:
    room.commit([FIVE, NewOffset("bills", 1, 7)])
    assert delete_offsets(room, ("orders", 0), ("nothing", 9)).error is None
    assert room.keeps() == {("bills", 1): 7}
    room.restart()
    assert room.keeps() == {("bills", 1): 7}


def test_offsets_of_topics_that_members_read_stay(room: Room) -> None:
    (anna,) = room.stable("anna", topics=("orders", "bills"))
    anna.commits(FIVE, NewOffset("old", 0, 1))
    told = delete_offsets(room, ("orders", 0), ("old", 0))
    assert told.refused == {("orders", 0): GroupError.SUBSCRIBED_TO_TOPIC}
    assert room.keeps() == {("orders", 0): 5}


def test_offsets_stay_when_we_cannot_know_what_members_read(room: Room) -> None:
    (anna,) = room.stable("anna", protocols=(("range", b"?"),))
    anna.commits(FIVE)
    told = delete_offsets(room, ("orders", 0))
    assert told.refused == {("orders", 0): GroupError.SUBSCRIBED_TO_TOPIC}


def test_offsets_of_other_kinds_of_groups_stay_while_they_have_members(room: Room) -> None:
    (anna,) = room.stable("anna", protocol_type="connect")
    anna.commits(FIVE)
    assert delete_offsets(room, ("orders", 0)).error is GroupError.NON_EMPTY
    anna.leaves()
    assert delete_offsets(room, ("orders", 0)).error is None
    assert room.keeps() == {}


def test_there_is_nothing_to_delete_of_no_group(room: Room) -> None:
    assert delete_offsets(room, ("orders", 0)).error is GroupError.NOT_FOUND
    assert delete(room).error is GroupError.NOT_FOUND
    assert delete(room, "").error is GroupError.INVALID_GROUP_ID


def test_a_group_is_deleted_with_all_it_has(room: Room) -> None:
    (anna,) = room.stable("anna")
    anna.commits(FIVE)
    assert delete(room).error is GroupError.NON_EMPTY
    anna.leaves()
    assert delete(room).error is None
    assert room.groups.describe(GROUP).state is State.DEAD
    assert room.groups.list() == []
    room.restart()
    assert room.groups.describe(GROUP).state is State.DEAD


def test_what_was_asked_before_is_deleted_too(room: Room) -> None:
    """A commit on its way to the disk does not come back from the dead."""
    room.commit([FIVE])
    told = Told()
    room.groups.delete(GROUP, told.outcome)
    room.log.commit()  # the commit
    room.log.commit()  # the tombstone
    assert (told.count, told.error) == (1, None)
    assert room.groups.list() == []


def test_a_group_that_cannot_be_deleted_stays(room: Room) -> None:
    room.commit([FIVE])
    room.log.commit()
    told = Told()
    room.groups.delete(GROUP, told.outcome)
    room.log.roll_back(DiskFull("full"))
    assert told.error is GroupError.UNAVAILABLE
    assert room.keeps() == {("orders", 0): 5}


def test_with_a_topic_go_its_offsets(room: Room) -> None:
    """A new topic of the same name starts at 0; nobody may start it in the middle."""
    room.commit([FIVE, NewOffset("bills", 0, 1)])
    room.commit([FIVE], group="other")
    told = Told()
    room.groups.delete_topics(lambda topic: topic == "orders", told.outcome)
    room.log.commit()
    room.log.commit()
    assert (told.count, told.error) == (1, None)
    assert (room.keeps(), room.keeps("other")) == ({("bills", 0): 1}, {})


# -- expiry


def rest(room: Room, days: float) -> None:
    """Days go by; the broker looks after its groups."""
    room.wait(days * DAY)
    settle(room)
    for _ in range(3):
        room.groups.maintenance(room.clock.wall_ms())
        room.log.commit()


def test_offsets_of_a_reader_that_assigns_itself_expire(room: Room) -> None:
    room.commit([FIVE])
    room.log.commit()
    rest(room, 6.9)
    room.commit([NewOffset("orders", 1, 1)])
    rest(room, 0.2)
    assert room.keeps() == {("orders", 1): 1}
    rest(room, 7)
    assert room.groups.list() == []


def test_offsets_with_a_time_of_their_own_expire_then(room: Room) -> None:
    room.commit([FIVE], retention_ms=3_600_000)
    rest(room, 0.03)
    assert room.keeps() == {("orders", 0): 5}
    rest(room, 0.02)
    assert room.groups.list() == []


def stays(room: Room, days: float) -> None:
    """The group works, and its heartbeats go on for days."""
    (anna,) = room.stable("anna", session_timeout_ms=1_800_000)
    anna.commits(FIVE, NewOffset("old", 0, 1))
    for _ in range(int(days * 48)):
        room.wait(1790)
        assert anna.beats() is None
    rest(room, 0)
    anna.leaves()
    settle(room)


def test_a_group_with_members_keeps_what_it_reads(room: Room) -> None:
    """A topic where nothing happens for weeks is no reason to start over."""
    stays(room, 10)
    assert room.keeps() == {("orders", 0): 5}


def test_a_group_without_members_expires_as_a_whole(room: Room) -> None:
    stays(room, 10)
    rest(room, 6.9)
    assert room.keeps() == {("orders", 0): 5}
    rest(room, 0.2)
    assert room.groups.list() == []
    assert room.timers.next_due() is None


def test_a_group_that_had_members_when_we_went_down_gets_its_time(room: Room) -> None:
    """A broker that was off for a month must not forget where everyone was."""
    (anna,) = room.stable("anna")
    anna.commits(FIVE)
    room.log.commit()
    room.wait(30 * DAY)
    room.restart()
    rest(room, 0)
    assert room.keeps() == {("orders", 0): 5}
    rest(room, 6)
    room.restart()
    rest(room, 2)
    assert room.groups.list() == []


def test_a_group_that_rebalances_loses_nothing(room: Room) -> None:
    anna, bert = room.stable(
        "anna", "bert", session_timeout_ms=1_800_000, rebalance_timeout_ms=2**31 - 1
    )
    anna.commits(FIVE)
    room.log.commit()
    room.member("carl").joins()
    for _ in range(400):
        room.wait(1790)
        anna.beats()
        bert.beats()
    assert room.state is State.PREPARING_REBALANCE
    rest(room, 0)
    assert room.keeps() == {("orders", 0): 5}


def test_a_commit_on_its_way_saves_what_would_expire(room: Room) -> None:
    room.commit([FIVE])
    room.log.commit()
    room.wait(8 * DAY)
    room.commit([NewOffset("orders", 0, 6)])
    room.groups.maintenance(room.clock.wall_ms())
    room.log.commit()
    room.log.commit()
    assert room.keeps() == {("orders", 0): 6}


def test_a_group_with_nothing_is_forgotten(room: Room) -> None:
    anna = room.member("anna").joins()
    anna.leaves()
    rest(room, 0.1)
    assert room.groups.list() == []


def test_many_groups_expire_a_part_at_a_time(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits because somebody tidies up."""
    monkeypatch.setattr(expiry, "OFFSETS_LOOKED_AT_MAX", 100)
    for index in range(120):
        room.commit([FIVE], group=f"g{index}")
    room.log.commit()
    room.wait(8 * DAY)
    room.groups.maintenance(room.clock.wall_ms())
    room.log.commit()
    assert 0 < len(room.groups.list()) < 120
    rest(room, 0)
    assert room.groups.list() == []


# -- lag


def test_lag(room: Room) -> None:
    room.commit([FIVE, NewOffset("orders", 1, 9), NewOffset("gone", 0, 1)])
    room.log.commit()
    ends = {("orders", 0): 12, ("orders", 1): 8}
    assert room.groups.lag(GROUP, lambda topic, index: ends.get((topic, index))) == [
        Lag("gone", 0, 1, None, None),
        Lag("orders", 0, 5, 12, 7),
        Lag("orders", 1, 9, 8, 0),
    ]


# -- on disk


def test_what_is_on_disk() -> None:
    """Changing these bytes loses everyone's offsets: see the rules in offset_records.py."""
    batch = offset_records.write(
        [
            (Key(OFFSET, "g", "t", 3), CommittedOffset(5, 1, "m", 1000, -1)),
            (Key(GROUP_KIND, "g"), GroupRecord("consumer", 4, -1)),
            (Key(OFFSET, "g", "t", 3), None),
        ],
        1000,
    )
    assert [(record.key, record.value) for record in records.iterate(batch)] == [
        (b"\x94\x01\xa1g\xa1t\x03", b"\x95\x05\x01\xa1m\xcd\x03\xe8\xff"),
        (b"\x94\x02\xa1g\xa0\xff", b"\x93\xa8consumer\x04\xff"),
        (b"\x94\x01\xa1g\xa1t\x03", None),
    ]


@pytest.mark.parametrize(
    ("record", "error"),
    [
        (Record(b"\x91\x01", b"\x93\x09\xa1g\xa1t"), UnknownVersion),
        (Record(b"\x91\x01", b"not a key"), CorruptBatch),
        (Record(b"\x91\x01", None), CorruptBatch),
        (Record(b"\x81\x01", b"\x92\x01\xa1g"), CorruptBatch),
    ],
)
def test_what_is_not_ours_stops_us(room: Room, record: Record, error: type[Exception]) -> None:
    batch = records.build([record])
    room.log.append(batch, read_header(batch), 0)
    room.log.commit()
    with pytest.raises(error):
        room.groups.restore()


def test_an_older_value_without_later_fields_is_read(room: Room) -> None:
    batch = records.build([Record(b"\x91\x05", b"\x94\x01\xa1g\xa1t\x03")])
    room.log.append(batch, read_header(batch), 0)
    room.log.commit()
    room.groups.restore()
    assert room.keeps("g") == {("t", 3): 5}


def test_topics_in_a_subscription_that_lies() -> None:
    assert topics(subscription("a", "b")) == frozenset(("a", "b"))
    whole = subscription("a", "b")
    for size in range(12):
        assert topics(whole[:size]) is None
    assert topics(b"\x00\x00\x7f\xff\xff\xff" + bytes(100)) is None
    assert topics(b"\x00\x00\x00\x00\x00\x01\xff\xff") is None
    assert topics(b"\x00\x00\x00\x00\x00\x01\x00\x01\xff") is None
