"""Members join, agree, fall silent, come back: what Kafka's clients rely on."""

from dataclasses import replace
from functools import partial

import pytest
from tests.unit.core.streams.group_room import GROUP, Client, Room, subscription

from anymq.core.streams.group_calls import (
    GroupError,
    GroupSettings,
    JoinResult,
    Leaver,
    State,
    SyncRequest,
    SyncResult,
)


@pytest.fixture
def room() -> Room:
    return Room()


def test_a_member_is_told_its_id_before_it_counts(room: Room) -> None:
    """A client whose connection breaks at the first join leaves no member behind."""
    anna = room.member("anna")
    told: list[JoinResult] = []
    room.groups.join(anna.request, told.append)
    assert told[0].error is GroupError.MEMBER_ID_REQUIRED
    assert told[0].member_id.startswith("anna-")
    assert room.state is State.EMPTY

    room.groups.join(replace(anna.request, member_id=told[0].member_id), told.append)
    assert told[1].error is None
    assert told[1].member_id == told[0].member_id
    assert told[1].generation == 1


def test_old_clients_become_members_at_once(room: Room) -> None:
    anna = room.member("anna", knows_member_id_required=False)
    told: list[JoinResult] = []
    room.groups.join(anna.request, told.append)
    assert told[0].error is None
    assert told[0].leader == told[0].member_id


def test_two_members_agree(room: Room) -> None:
    """The whole of it: the second one's coming makes the first join again; one leads, both read."""
    anna, bert = room.member("anna"), room.member("bert")
    anna.joins()
    assert (anna.generation, anna.leads) == (1, True)
    anna.syncs({anna: b"all"})
    assert anna.part == b"all"

    bert.joins()
    assert bert.waits
    assert anna.beats() is GroupError.REBALANCE_IN_PROGRESS
    anna.joins()
    assert (anna.generation, bert.generation) == (2, 2)
    assert anna.joined is not None
    assert [one.id for one in anna.joined.members] == [anna.member_id, bert.member_id]
    assert anna.joined.members[1].subscription == subscription("orders")
    assert bert.joined is not None
    assert (bert.joined.members, bert.leads) == ((), False)

    bert.syncs()
    assert bert.waits
    anna.syncs({anna: b"0,1", bert: b"2"})
    assert (anna.part, bert.part) == (b"0,1", b"2")
    assert room.state is State.STABLE
    assert anna.beats() is bert.beats() is None


def test_a_silent_member_is_gone_after_its_session(room: Room) -> None:
    """Whoever dies gives its partitions back, without an administrator."""
    anna, bert = room.stable("anna", "bert")
    room.wait(9)
    assert anna.beats() is None
    room.wait(2)
    assert anna.beats() is GroupError.REBALANCE_IN_PROGRESS
    anna.joins().syncs({anna: b"all"})
    assert anna.part == b"all"
    assert bert.beats() is GroupError.UNKNOWN_MEMBER


def test_when_all_fall_silent_the_group_is_empty(room: Room) -> None:
    room.stable("anna", "bert")
    room.wait(100)
    assert room.state is State.EMPTY
    assert room.timers.next_due() is None


def test_a_heartbeat_keeps_a_member_for_long(room: Room) -> None:
    (anna,) = room.stable("anna")
    for _ in range(1000):
        room.wait(9)
        assert anna.beats() is None
    assert len(room.timers) < 5


def test_whoever_does_not_come_back_in_time_is_out(room: Room) -> None:
    """A member that hangs in its own work must not hold the others for ever."""
    anna, bert = room.stable("anna", "bert", session_timeout_ms=100_000)
    carl = room.member("carl").joins()
    assert carl.waits
    anna.joins()
    room.wait(59)
    assert carl.waits
    room.wait(2)
    assert (carl.error, carl.generation, anna.generation) == (None, 3, 3)
    assert bert.beats() is GroupError.UNKNOWN_MEMBER


def test_whoever_never_asks_for_its_part_is_out(room: Room) -> None:
    anna, bert = room.stable("anna", "bert", session_timeout_ms=100_000)
    bert.joins(protocols=(("range", subscription("orders", "bills")),))
    anna.joins()
    anna.syncs({anna: b"1", bert: b"2"})
    room.wait(61)
    assert anna.beats() is GroupError.REBALANCE_IN_PROGRESS
    assert bert.beats() is GroupError.UNKNOWN_MEMBER


def test_when_the_leader_never_assigns_the_others_try_again(room: Room) -> None:
    anna, bert = room.stable("anna", "bert", session_timeout_ms=100_000)
    bert.joins(protocols=(("range", subscription("orders", "bills")),))
    anna.joins()
    bert.syncs()
    room.wait(61)
    assert bert.part is GroupError.REBALANCE_IN_PROGRESS
    bert.joins()
    assert bert.leads
    assert anna.beats() is GroupError.UNKNOWN_MEMBER


def test_a_member_that_waits_for_the_others_cannot_be_silent(room: Room) -> None:
    """It has nothing to send: its join is with us."""
    anna, bert = room.stable("anna", "bert", rebalance_timeout_ms=300_000)
    bert.joins(protocols=(("range", subscription("orders", "bills")),))
    for _ in range(10):
        room.wait(9)
        assert anna.beats() is GroupError.REBALANCE_IN_PROGRESS
    assert bert.waits
    anna.joins()
    assert bert.generation == 3


def test_a_new_member_does_not_wait_for_ever(room: Room) -> None:
    """Its connection may be gone, and nobody would know: it has to ask again."""
    anna, _ = room.stable("anna", "bert", rebalance_timeout_ms=900_000)
    carl = room.member("carl").joins()
    for _ in range(34):
        room.wait(9)
        anna.beats()
    assert carl.error is GroupError.UNKNOWN_MEMBER


def test_asking_for_its_part_is_a_sign_of_life(room: Room) -> None:
    (anna,) = room.stable("anna")
    for _ in range(3):
        room.wait(9)
        assert anna.syncs().part == b"anna"
    assert anna.beats() is None


def test_nothing_happens_to_an_empty_group(room: Room) -> None:
    """Not even what was to happen when it had members."""
    anna, bert = room.stable("anna", "bert")
    bert.joins(protocols=(("range", subscription("orders", "bills")),))
    anna.joins()
    bert.leaves()
    anna.leaves()
    generation = room.generation
    room.wait(1000)
    assert (room.state, room.generation) == (State.EMPTY, generation)


def test_a_leaving_member_is_missed_at_once(room: Room) -> None:
    anna, bert = room.stable("anna", "bert")
    assert anna.leaves() is None
    assert bert.beats() is GroupError.REBALANCE_IN_PROGRESS
    bert.joins()
    assert bert.leads
    assert anna.leaves() is GroupError.UNKNOWN_MEMBER


def test_the_last_one_leaves_an_empty_group(room: Room) -> None:
    (anna,) = room.stable("anna")
    anna.leaves()
    assert (room.state, room.generation) == (State.EMPTY, 2)
    room.log.commit()
    assert room.timers.next_due() is None
    anna.member_id = ""
    anna.joins()
    assert anna.generation == 3


def test_many_leave_in_one_request(room: Room) -> None:
    """Administrators send static members away by their instance ids."""
    (anna, bert) = room.stable("anna", "bert")
    carl = room.member("carl", instance_id="till-3").joins()
    anna.joins()
    bert.joins()
    errors = room.groups.leave(
        GROUP,
        [Leaver("", "till-3"), Leaver(anna.member_id), Leaver("nobody"), Leaver("", "till-9")],
    )
    assert errors == [None, None, GroupError.UNKNOWN_MEMBER, GroupError.UNKNOWN_MEMBER]
    assert carl.beats() is GroupError.UNKNOWN_MEMBER
    assert bert.beats() is GroupError.REBALANCE_IN_PROGRESS


def test_an_invited_one_that_leaves_disturbs_nobody(room: Room) -> None:
    (anna,) = room.stable("anna")
    told: list[JoinResult] = []
    room.groups.join(room.member("bert").request, told.append)
    assert room.groups.leave(GROUP, [Leaver(told[0].member_id)]) == [None]
    assert anna.beats() is None


def test_a_rebalance_waits_for_those_who_were_just_told_their_id(room: Room) -> None:
    """They are about to join: without them there would be one more rebalance at once."""
    anna, bert = room.stable("anna", "bert")
    told: list[JoinResult] = []
    room.groups.join(room.member("carl", session_timeout_ms=6_000).request, told.append)
    bert.leaves()
    anna.joins()
    assert anna.waits
    room.wait(7)
    assert (anna.generation, anna.waits) == (3, False)


def test_the_generation_is_checked(room: Room) -> None:
    (anna,) = room.stable("anna")
    anna.generation += 1
    assert anna.beats() is GroupError.ILLEGAL_GENERATION
    assert anna.syncs().part is GroupError.ILLEGAL_GENERATION


def test_a_sync_in_the_middle_of_a_rebalance_is_told_to_join(room: Room) -> None:
    anna, _ = room.stable("anna", "bert")
    room.member("carl").joins()
    assert anna.syncs().part is GroupError.REBALANCE_IN_PROGRESS


def test_a_newcomer_while_the_leader_assigns_starts_over(room: Room) -> None:
    anna, bert = room.stable("anna", "bert")
    bert.joins(protocols=(("range", subscription("orders", "bills")),))
    anna.joins()
    bert.syncs()
    carl = room.member("carl").joins()
    assert bert.part is GroupError.REBALANCE_IN_PROGRESS
    bert.joins()
    anna.joins()
    assert anna.generation == bert.generation == carl.generation == 4


def test_a_member_that_missed_the_answer_gets_it_again(room: Room) -> None:
    anna, bert = room.stable("anna", "bert")
    bert.joins(protocols=(("range", subscription("orders", "bills")),))
    anna.joins()
    generation = anna.generation
    anna.joins()
    assert anna.generation == generation
    assert anna.joined is not None
    assert len(anna.joined.members) == 2


def test_a_follower_that_joins_again_unchanged_disturbs_nobody(room: Room) -> None:
    anna, bert = room.stable("anna", "bert")
    bert.joins()
    assert (bert.error, bert.generation) == (None, anna.generation)
    assert bert.syncs().part == b"bert"
    assert anna.beats() is None


def test_a_leader_that_joins_again_makes_all_join(room: Room) -> None:
    """It has seen new partitions, and wants to assign them."""
    anna, bert = room.stable("anna", "bert")
    anna.joins()
    assert bert.beats() is GroupError.REBALANCE_IN_PROGRESS
    bert.joins()
    assert anna.generation == bert.generation == 3


def test_asking_twice_answers_both(room: Room) -> None:
    """A client that lost its connection asks again; the first question is not left hanging."""
    room.stable("anna", "bert")
    carl = room.member("carl").joins()
    carl.joins()
    assert (carl.asked, carl.answered) == (3, 2)
    assert carl.error is GroupError.REBALANCE_IN_PROGRESS


def test_a_lost_connection_removes_nobody(room: Room) -> None:
    """There is nothing to tell the group: only the session ends a membership."""
    anna, bert = room.stable("anna", "bert")
    room.wait(5)
    assert anna.beats() is bert.beats() is None


def test_cooperative_members_keep_reading_through_two_rebalances(room: Room) -> None:
    """First everyone says what it owns and goes on; what moves is revoked, then assigned."""
    protocols = (("cooperative-sticky", subscription("orders")),)
    anna, bert = room.stable("anna", "bert", protocols=protocols)
    carl = room.member("carl", protocols=protocols).joins()
    assert anna.beats() is GroupError.REBALANCE_IN_PROGRESS
    owns = (("cooperative-sticky", subscription("orders") + b"owns 0,1"),)
    anna.joins(protocols=owns)
    bert.joins(protocols=owns)
    for one in (bert, carl, anna):
        one.syncs({anna: b"0", bert: b"2", carl: b""})
    assert (anna.part, carl.part) == (b"0", b"")
    anna.joins(protocols=protocols)  # it has revoked
    assert [bert.beats(), carl.beats()] == [GroupError.REBALANCE_IN_PROGRESS] * 2
    for one in (bert, carl):
        one.joins()
    for one in (bert, carl, anna):
        one.syncs({anna: b"0", bert: b"2", carl: b"1"})
    assert (anna.part, bert.part, carl.part) == (b"0", b"2", b"1")


def test_the_first_members_wait_for_each_other_when_asked_to() -> None:
    """Services that start together then rebalance once, not once each."""
    room = Room(GroupSettings(initial_rebalance_delay_ms=3000))
    anna, bert = room.member("anna").joins(), room.member("bert")
    assert anna.waits
    room.wait(2)
    bert.joins()
    room.wait(2)
    assert anna.waits  # somebody came: once more
    room.wait(2)
    assert anna.generation == bert.generation == 1


def test_the_first_members_do_not_wait_beyond_the_rebalance_time() -> None:
    room = Room(GroupSettings(initial_rebalance_delay_ms=3000))
    first = room.member("anna", rebalance_timeout_ms=7000).joins()
    for index in range(4):
        room.wait(2)
        room.member(f"more-{index}", rebalance_timeout_ms=7000).joins()
    assert not first.waits
    assert first.generation == 1


def test_nobody_is_left_of_the_first_ones() -> None:
    room = Room(GroupSettings(initial_rebalance_delay_ms=3000))
    anna = room.member("anna").joins()
    assert anna.leaves() is None
    assert anna.error is GroupError.UNKNOWN_MEMBER
    room.wait(4)
    assert room.state is State.EMPTY


# -- protocols


def test_the_favourite_of_most_is_chosen(room: Room) -> None:
    sticky, spread, old = ("sticky", b"s"), ("range", b"r"), ("roundrobin", b"o")
    anna = room.member("anna", protocols=(sticky, spread)).joins()
    bert = room.member("bert", protocols=(spread, sticky, old)).joins()
    carl = room.member("carl", protocols=(spread, sticky)).joins()
    anna.joins()
    assert anna.joined is not None
    assert anna.joined.protocol == "range"
    assert [one.subscription for one in anna.joined.members] == [b"r", b"r", b"r"]
    assert bert.generation == carl.generation == 2


@pytest.mark.parametrize(
    "words",
    [
        {"protocol_type": "connect"},
        {"protocol_type": ""},
        {"protocols": (("other", b""),)},
        {"protocols": ()},
    ],
)
def test_who_has_no_protocol_in_common_stays_out(room: Room, words: dict[str, object]) -> None:
    (anna,) = room.stable("anna")
    bert = room.member("bert", **words).joins()
    assert bert.error is GroupError.INCONSISTENT_PROTOCOL
    assert anna.beats() is None


@pytest.mark.parametrize("words", [{"protocol_type": ""}, {"protocols": ()}])
def test_the_first_member_must_have_a_protocol(room: Room, words: dict[str, object]) -> None:
    assert room.member("anna", **words).joins().error is GroupError.INCONSISTENT_PROTOCOL


@pytest.mark.parametrize("protocol_type", ["connect", "sr", "whatever"])
def test_any_protocol_type_works(room: Room, protocol_type: str) -> None:
    """Kafka Connect and schema registries elect their leaders like this."""
    words = {"protocol_type": protocol_type, "protocols": (("v0", b"\x00\xff"),)}
    anna, bert = room.stable("anna", "bert", **words)
    assert (anna.part, bert.part) == (b"anna", b"bert")
    assert room.groups.describe(GROUP).protocol_type == protocol_type


def test_a_sync_names_the_right_protocol(room: Room) -> None:
    (anna,) = room.stable("anna")
    told: list[SyncResult] = []
    request = SyncRequest(group=GROUP, member_id=anna.member_id, generation=anna.generation)
    room.groups.sync(replace(request, protocol="sticky"), told.append)
    room.groups.sync(replace(request, protocol_type="connect"), told.append)
    room.groups.sync(replace(request, protocol="range"), told.append)
    wrong = GroupError.INCONSISTENT_PROTOCOL
    assert [one.error for one in told] == [wrong, wrong, None]


# -- limits


def test_a_full_group_takes_no_more() -> None:
    room = Room(GroupSettings(members_max=2))
    anna, bert = room.stable("anna", "bert")
    carl = room.member("carl").joins()
    assert carl.error is GroupError.GROUP_FULL
    assert anna.beats() is bert.beats() is None


def test_when_too_many_want_in_the_last_one_is_out() -> None:
    room = Room(GroupSettings(members_max=2))
    anna, bert = room.stable("anna", "bert")
    bert.joins(protocols=(("range", subscription("orders", "bills")),))
    carl = room.member("carl").joins()
    assert carl.waits
    assert anna.joins().error is GroupError.GROUP_FULL
    assert bert.generation == carl.generation == 3


def test_no_more_are_invited_than_can_come() -> None:
    room = Room(GroupSettings(members_max=2))
    told: list[JoinResult] = []
    for name in ("anna", "bert", "carl"):
        room.groups.join(room.member(name).request, told.append)
    assert told[-1].error is GroupError.GROUP_FULL


@pytest.mark.parametrize("timeout_ms", [5_999, 1_800_001, -1, 0])
def test_session_timeouts_have_limits(room: Room, timeout_ms: int) -> None:
    anna = room.member("anna", session_timeout_ms=timeout_ms).joins()
    assert anna.error is GroupError.INVALID_SESSION_TIMEOUT


def test_there_are_only_so_many_groups() -> None:
    room = Room(GroupSettings(groups_max=2))
    assert room.member("anna", group="a").joins().error is None
    assert room.member("bert", group="b").joins().error is None
    assert room.member("carl", group="c").joins().error is GroupError.TOO_MANY_GROUPS
    assert room.commit([], group="d").error is GroupError.TOO_MANY_GROUPS
    room.log.commit()
    assert room.member("dora", group="a").joins().waits


def test_subscriptions_and_assignments_have_limits() -> None:
    room = Room(GroupSettings(subscription_bytes_max=100, assignment_bytes_max=100))
    anna = room.member("anna", protocols=(("range", bytes(100)),)).joins()
    assert anna.error is GroupError.TOO_LARGE
    anna.joins(protocols=(("range", subscription("a")),))
    assert anna.syncs({anna: bytes(101)}).part is GroupError.TOO_LARGE
    assert anna.syncs({anna: bytes(100)}).part == bytes(100)


def test_a_group_has_a_name(room: Room) -> None:
    nameless = room.member("anna", group="")
    assert nameless.joins().error is GroupError.INVALID_GROUP_ID
    assert nameless.syncs().part is GroupError.INVALID_GROUP_ID
    assert nameless.beats() is GroupError.INVALID_GROUP_ID
    assert nameless.leaves() is GroupError.INVALID_GROUP_ID


def test_of_a_group_that_is_not_there_nobody_is_a_member(room: Room) -> None:
    anna = room.member("anna")
    anna.member_id = "anna-1"
    assert anna.joins().error is GroupError.UNKNOWN_MEMBER
    assert anna.syncs().part is GroupError.UNKNOWN_MEMBER
    assert anna.beats() is GroupError.UNKNOWN_MEMBER
    assert anna.leaves() is GroupError.UNKNOWN_MEMBER


# -- what administrators see


def test_describe(room: Room) -> None:
    anna, bert = room.stable("anna", "bert")
    seen = room.groups.describe(GROUP)
    assert (seen.state, seen.protocol_type, seen.protocol) == (State.STABLE, "consumer", "range")
    assert [one.id for one in seen.members] == [anna.member_id, bert.member_id]
    assert (seen.members[1].client_id, seen.members[1].client_host) == ("bert", "127.0.0.1")
    assert (seen.members[1].assignment, seen.members[1].subscription) == (
        b"bert",
        subscription("orders"),
    )
    bert.leaves()
    seen = room.groups.describe(GROUP)
    assert (seen.state, seen.protocol) == (State.PREPARING_REBALANCE, "")
    assert [one.subscription for one in seen.members] == [b""]
    assert room.groups.describe("other").state is State.DEAD


def test_list_by_state_and_type(room: Room) -> None:
    room.stable("anna")
    room.member("bert", group="empty").joins().leaves()
    room.member("carl", group="connectors", protocol_type="connect").joins()
    seen = {one.name: (one.state, one.protocol_type) for one in room.groups.list()}
    assert seen == {
        GROUP: (State.STABLE, "consumer"),
        "empty": (State.EMPTY, "consumer"),
        "connectors": (State.COMPLETING_REBALANCE, "connect"),
    }
    assert [one.name for one in room.groups.list(["stable"])] == [GROUP]
    assert [one.name for one in room.groups.list(["Empty", "STABLE"])] == ["empty", GROUP]
    assert len(room.groups.list([], ["classic"])) == len(room.groups.list([], ["Classic"])) == 3
    assert room.groups.list([], ["consumer", "share"]) == []
    assert room.groups.count_by_state()[State.STABLE] == 1


# -- how answers come


def test_whoever_is_answered_may_ask_the_next_at_once(room: Room) -> None:
    """A session goes on with the next request from within the answer to the last."""
    members = [room.member(name, knows_member_id_required=False) for name in "abcdef"]
    parts: dict[str, list[SyncResult]] = {one.name: [] for one in members}

    def on_joined(client: Client, result: JoinResult) -> None:
        client.member_id, client.generation = result.member_id, result.generation
        request = SyncRequest(
            group=GROUP,
            member_id=result.member_id,
            generation=result.generation,
            assignments={one.id: one.id.encode() for one in result.members},
        )
        room.groups.sync(request, parts[client.name].append)

    for client in members:
        room.groups.join(client.request, partial(on_joined, client))
    first = replace(members[0].request, member_id=members[0].member_id)
    room.groups.join(first, partial(on_joined, members[0]))
    assert room.state is State.STABLE
    for client in members:
        assert parts[client.name][-1] == SyncResult(
            protocol_type="consumer", protocol="range", assignment=client.member_id.encode()
        )


def test_one_that_cannot_take_its_answer_keeps_nobody_from_theirs(room: Room) -> None:
    """It is a bug of ours, and it may cost one connection only."""
    anna, bert = room.stable("anna", "bert")
    bert.joins(protocols=(("range", subscription("orders", "bills")),))

    def fail(_result: JoinResult) -> None:
        raise RuntimeError("broken session")

    with pytest.raises(RuntimeError):
        room.groups.join(replace(anna.request, member_id=anna.member_id), fail)
    room.groups.list()
    bert.beats()
    room.wait(1)
    anna.beats()
    room.member("carl", knows_member_id_required=False).joins()
    assert not bert.waits


def test_limits_may_change_while_groups_are_at_work(room: Room) -> None:
    room.stable("anna")
    room.groups.settings = replace(room.groups.settings, members_max=1)
    assert room.member("bert").joins().error is GroupError.GROUP_FULL
