"""Frames in any pieces, to whom they are for; messages one by one, whatever the road."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.protocols.amqp.talk import Room, publish_payload

from anymq.protocols.amqp import methods
from anymq.protocols.amqp.codec import AMQP_0_9_1, method_frame
from anymq.protocols.amqp.settings import AmqpSettings
from anymq.testing.amqp import ABLE, PLAIN_GUEST, published


def _conversation() -> bytes:
    """Much of what may be said, one after another."""
    said = [
        AMQP_0_9_1,
        method_frame(0, methods.ConnectionStartOk(ABLE, "PLAIN", PLAIN_GUEST, "en_US")),
        method_frame(0, methods.ConnectionTuneOk(2047, 131_072, 60)),
        method_frame(0, methods.ConnectionOpen("/")),
        method_frame(1, methods.ChannelOpen()),
        method_frame(2, methods.ChannelOpen()),
        *[published(1, b"equal")] * 4,
        published(2, b"other channel"),
        published(1, b"longer than the ones before"),
        published(1, b""),
        published(1, b"x" * 9000, frame_max=4096),
        method_frame(1, methods.BasicAck(7, True)),
        published(1, b"equal"),
        b"\x08\0\0\0\0\0\0\xce",
        method_frame(2, methods.BasicAck(2**64 - 1, False)),
        method_frame(2, methods.BasicNack(3, False, True)),
        published(1, b"equal", properties=b"\0\0"),
        method_frame(1, methods.ChannelClose(200, "bye", 0, 0)),
        published(2, b"after the other's end"),
        method_frame(0, methods.ConnectionClose(200, "bye", 0, 0)),
    ]
    return b"".join(said)


def _talk(*pieces: bytes) -> tuple[list[object], bytes]:
    room = Room()
    dialog = room.dialog()
    for piece in pieces:
        dialog.feed(piece)
    assert dialog.session.closed
    return list(room.without_ends()), dialog.raw()


SAID = _conversation()
TOLD = _talk(SAID)


@settings(deadline=None, max_examples=150)
@given(st.lists(st.integers(0, len(SAID)), max_size=12).map(sorted))
def test_any_split_of_the_bytes_gives_the_same_frames(cuts: list[int]) -> None:
    """The network cuts where it likes."""
    pieces = [SAID[start:end] for start, end in pairwise([0, *cuts, len(SAID)])]
    assert _talk(*pieces) == TOLD


def test_byte_by_byte() -> None:
    """The slowest network there is."""
    assert _talk(*(SAID[at : at + 1] for at in range(len(SAID)))) == TOLD


def test_every_message_arrives_as_it_was_sent() -> None:
    """By whichever road: like the one before, whole, or in pieces."""
    room = Room()
    client = room.dialog().log_in().open(1)
    bodies = [b"equal", b"equal", b"EQUAL", b"", b"", b"x" * 300_000, b"equal"]
    client.feed(b"".join(published(1, body) for body in bodies))
    assert room.publishes() == [(publish_payload(), b"\x10\0\x02", body) for body in bodies]


def test_equal_methods_are_the_same_object() -> None:
    """So a channel can compare by identity."""
    room = Room()
    client = room.dialog().log_in().open(1)
    client.feed(published(1, b"a") + published(1, b"bb"))
    client.feed(published(1, b"bb"))
    first, second, third = (method for method, _, _ in room.publishes())
    assert first is second is third


def test_a_read_ends_for_each_channel_that_was_told_something() -> None:
    """There it publishes what it has gathered, and the broker's turn follows."""
    room = Room()
    client = room.dialog().log_in().open(1).open(2).open(3)
    room.told.clear()
    runs = room.broker.turn.runs
    client.feed(published(1) + published(2) + published(1))
    assert [(n, what) for n, what, _ in room.told] == [
        (1, "publish"),
        (2, "publish"),
        (1, "publish"),
        (1, "end_of_read"),
        (2, "end_of_read"),
    ]
    assert room.broker.turn.runs == runs + 1


def test_contents_of_two_channels_may_interleave() -> None:
    """Frames of different channels come as their writers please."""
    room = Room()
    client = room.dialog().log_in().open(1).open(2)
    one = published(1, b"1" * 20, frame_max=18)
    two = published(2, b"2" * 20, frame_max=18)
    for piece_of_one, piece_of_two in zip(_frames(one), _frames(two), strict=True):
        client.feed(piece_of_one + piece_of_two)
    assert [body for _, _, body in room.publishes()] == [b"1" * 20, b"2" * 20]


def _frames(data: bytes) -> list[bytes]:
    frames, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at + 3 : at + 7], "big") + 8
        frames.append(data[at : at + size])
        at += size
    return frames


def test_what_waits_for_the_disk_holds_back_the_rest() -> None:
    """A declaration is answered before what relies on it is looked at."""
    room = Room()
    client = room.dialog().log_in().open(1).open(2)
    done = []
    room.does["method"] = lambda channel: done.append(channel.wire.hold())
    client.feed(method_frame(1, methods.BasicGet("q", True)) + published(1) + published(2))
    assert not room.publishes()
    assert not client.session.reading
    assert client.session.busy
    done[0]()
    done[0]()  # twice is as good as once
    client.turn()
    assert len(room.publishes()) == 2
    assert client.session.reading


def test_others_have_their_turn() -> None:
    """Much at once is acted on piece by piece."""
    room = Room()
    client = room.dialog().log_in().open(1)

    def be_slow(_: object) -> None:
        room.broker.clock.seconds += 0.003

    room.does["method"] = be_slow
    client.session.receive(memoryview(method_frame(1, methods.BasicGet("q", True)) * 5))
    assert len([1 for _, what, _ in room.told if what == "method"]) == 2
    assert client.session.more
    assert not client.session.reading
    client.turn()
    assert len([1 for _, what, _ in room.told if what == "method"]) == 5


def test_who_does_not_take_what_it_is_owed_waits() -> None:
    """Consumers wait at the small limit, the whole connection at the large one."""
    room = Room(AmqpSettings(delivery_bytes_max=100, unsent_bytes_max=1000))
    client = room.dialog().log_in().open(1)
    channel = room.channels[1]
    channel.wire.write(b"x" * 100)
    assert not channel.wire.has_room
    channel.wire.wait_for_room(channel)
    assert client.session.reading
    assert not client.session.more
    client.outbox.sent(50)
    assert client.session.more
    client.session.go_on()
    assert (1, "on_room", None) in room.told
    channel.wire.write(b"x" * 950)
    assert not client.session.reading


def test_whoever_asks_is_called_at_the_end_of_the_turn() -> None:
    """Confirms that come from the disk are gathered, too."""
    room = Room()
    room.dialog().log_in().open(1)
    room.told.clear()
    room.channels[1].wire.touch(room.channels[1])
    room.broker.turn.run()
    assert room.told == [(1, "end_of_read", None)]


def test_it_is_measured() -> None:
    """Management wants to know."""
    room = Room()
    client = room.dialog().log_in().open(1)
    client.feed(published(1) * 3 + method_frame(1, methods.BasicAck(1, False)))
    assert room.amqp.counters.by_kind()["amqp", "basic.publish"] == 3
    assert room.amqp.counters.by_kind()["amqp", "basic.ack"] == 1
    assert room.amqp.counters.by_kind()["amqp", "connection.open"] == 1
    client.hang_up()
    assert room.amqp.memory.used == 0
    assert not room.amqp.conversations
