"""Clients made for ActiveMQ say what they always said, and get what they always got."""

import pytest

from anymq.protocols.stomp import patterns
from anymq.protocols.stomp.activemq import ACTIVEMQ
from anymq.protocols.stomp.codec import Frame
from anymq.protocols.stomp.dialect import RABBITMQ
from anymq.testing.stomp import StompDialog, StompRoom


@pytest.fixture
def room() -> StompRoom:
    return StompRoom(dialect=ACTIVEMQ)


def subscribe(destination: str, id_: str = "1", **more: str) -> Frame:
    said = {name.replace("__", ".").replace("_", "-"): it for name, it in more.items()}
    return Frame("SUBSCRIBE", {"id": id_, "destination": destination, **said})


def send(destination: str, body: bytes = b"x", **headers: str) -> Frame:
    said = {name.replace("_", "-"): value for name, value in headers.items()}
    return Frame("SEND", {"destination": destination, **said}, body)


def got(client: StompDialog) -> list[tuple[str, bytes]]:
    frames = client.frames()
    assert {frame.command for frame in frames} <= {"MESSAGE"}, frames
    return [(frame.headers["destination"], frame.body) for frame in frames]


def error(client: StompDialog) -> str:
    frame = client.only()
    assert frame.command == "ERROR", frame
    return f"{frame.headers['message']}: {frame.body.decode()}"


# Destinations


@pytest.mark.parametrize("name", ["a", "a.b", "a/b", "with space", "50%", "a%2Fb"])
@pytest.mark.parametrize("kind", ["queue", "topic"])
def test_names_are_taken_as_they_are(room: StompRoom, kind: str, name: str) -> None:
    client = room.connect()
    client >> subscribe(f"/{kind}/{name}") >> send(f"/{kind}/{name}")
    assert got(client) == [(f"/{kind}/{name}", b"x")]
    if kind == "queue":
        assert list(room.broker.vhosts["/"].queues) == [name]


@pytest.mark.parametrize("text", ["/queue/q", "queue/q", "queue://q", "q", " /queue/q "])
def test_ways_to_say_the_same(room: StompRoom, text: str) -> None:
    client = room.connect()
    client >> subscribe("/queue/q") >> send(text)
    assert got(client) == [("/queue/q", b"x")]


@pytest.mark.parametrize("text", ["/test/q", "/queue/", "/queue", "/", "", "a/b", "/topic/"])
def test_what_is_no_destination(room: StompRoom, text: str) -> None:
    for frame in (subscribe(text), send(text)):
        client = room.connect()
        client >> frame
        assert error(client).startswith("Illegal destination name: Illegal destination name: [")
        assert not client.session.closed


@pytest.mark.parametrize(
    ("pattern", "matched", "other"),
    [
        ("a.*", "a.b", "a.b.c"),
        ("a.>", "a.b.c", "b.a"),
        ("a.>", "a", "b"),
        (">", "a.b", ""),
        ("*.b", "a.b", "a.c"),
        ("a.*.>", "a.b", "a"),
    ],
)
def test_patterns_of_topics(room: StompRoom, pattern: str, matched: str, other: str) -> None:
    client, writer = room.connect(), room.connect()
    client >> subscribe(f"/topic/{pattern}")
    writer >> send(f"/topic/{matched}", b"yes")
    if other:
        writer >> send(f"/topic/{other}", b"no")
        assert not patterns.matches(pattern, other)
    assert got(client) == [(f"/topic/{matched}", b"yes")]
    assert patterns.matches(pattern, matched)


def test_a_pattern_of_queues_reads_those_that_come_later_too(room: StompRoom) -> None:
    client, writer = room.connect(), room.connect()
    writer >> send("/queue/orders.eu", b"1") >> send("/queue/other", b"no")
    client >> subscribe("/queue/orders.>", ack="client")
    writer >> send("/queue/orders.us", b"2") >> send("/queue/orders.eu", b"3")
    room.let_pass(1)
    found = client.frames()
    assert sorted((one.headers["destination"], one.body) for one in found) == [
        ("/queue/orders.eu", b"1"),
        ("/queue/orders.eu", b"3"),
        ("/queue/orders.us", b"2"),
    ]
    assert {one.headers["subscription"] for one in found} == {"1"}
    client >> Frame("ACK", {"id": found[-1].headers["ack"]})  # of all of them
    client >> Frame("UNSUBSCRIBE", {"id": "1", "receipt": "r"})
    assert client.only().command == "RECEIPT"
    queues = room.broker.vhosts["/"].queues
    assert [(one.ready, one.unacked) for one in queues.values()] == [(0, 0), (1, 0), (0, 0)]


def test_a_pattern_of_queues_that_finds_none_waits(room: StompRoom) -> None:
    client, writer = room.connect(), room.connect()
    client >> subscribe("/queue/a.*")
    writer >> send("/queue/a.b")
    room.let_pass(1)
    assert got(client) == [("/queue/a.b", b"x")]
    room.broker.vhosts["/"].delete_queue("a.b")
    room.settle()
    writer >> send("/queue/a.b", b"again")
    room.let_pass(1)
    assert got(client) == [("/queue/a.b", b"again")]
    client >> Frame("UNSUBSCRIBE", {"id": "1"})
    writer >> send("/queue/a.b", b"left")
    assert got(client) == []


def test_patterns_do_not_read_mailboxes(room: StompRoom) -> None:
    """A subscription's queue is nobody else's, however wide a pattern is."""
    lasting, reader = room.connect(client_id="c"), room.connect()
    lasting >> subscribe("/topic/t", activemq__subscriptionName="s")
    lasting >> subscribe("/temp-queue/answers", "2")
    reader >> subscribe("/queue/>")
    room.connect() >> send("/topic/t", b"mine")
    assert [body for _, body in got(lasting)] == [b"mine"]
    assert got(reader) == []


def test_nothing_is_sent_to_a_pattern(room: StompRoom) -> None:
    client = room.connect()
    client >> send("/topic/a.>")
    assert "pattern" in error(client)


def test_a_list_of_destinations(room: StompRoom) -> None:
    client = room.connect()
    client >> subscribe("/queue/a,/topic/b", "both", ack="client")
    client >> send("/queue/a,/queue/c,/topic/b", receipt="r")
    frames = client.frames()
    assert sorted(one.command for one in frames) == ["MESSAGE", "MESSAGE", "RECEIPT"]
    assert room.broker.vhosts["/"].queues["c"].ready == 1
    last = [one for one in frames if one.command == "MESSAGE"][-1]
    client >> Frame("ACK", {"id": last.headers["ack"]})
    assert sum(one.unacked for one in room.broker.vhosts["/"].queues.values()) == 0
    client >> Frame("UNSUBSCRIBE", {"id": "both"}) >> send("/queue/a,/topic/b")
    assert got(client) == []


def test_a_list_in_a_transaction(room: StompRoom) -> None:
    client = room.connect()
    client >> subscribe("/queue/a,/queue/b") >> Frame("BEGIN", {"transaction": "t"})
    client >> send("/queue/a,/queue/b", transaction="t")
    assert got(client) == []
    client >> Frame("COMMIT", {"transaction": "t"})
    assert sorted(got(client)) == [("/queue/a", b"x"), ("/queue/b", b"x")]


def test_a_list_that_is_wrong_in_its_end_leaves_nothing(room: StompRoom) -> None:
    client = room.connect()
    client >> subscribe("/queue/a,/nowhere/b")
    assert "Illegal destination" in error(client)
    client >> send("/queue/a")
    assert got(client) == []


def test_a_list_may_be_so_long(room: StompRoom) -> None:
    client = room.connect()
    client >> send(",".join(["/queue/a"] * 101))
    assert "at most 100" in error(client)


# Requests and answers


def test_a_request_is_answered_by_a_temporary_queue(room: StompRoom) -> None:
    asks, answers = room.connect(), room.connect()
    (
        asks
        >> subscribe("/temp-queue/mine", "t")
        >> send("/queue/q", b"?", reply_to="/temp-queue/mine")
    )
    answers >> subscribe("/queue/q")
    where = answers.only().headers["reply-to"]
    answers >> send(where, b"!")
    assert got(asks) == [("/temp-queue/mine", b"!")]
    asks.hang_up()
    assert list(room.broker.vhosts["/"].queues) == ["q"]


def test_a_request_is_answered_by_a_temporary_topic(room: StompRoom) -> None:
    asks, answers = room.connect(), room.connect()
    asks >> subscribe("/temp-topic/mine") >> send("/queue/q", b"?", reply_to="/temp-topic/mine")
    answers >> subscribe("/queue/q")
    answers >> send(answers.only().headers["reply-to"], b"!")
    assert [body for _, body in got(asks)] == [b"!"]


def test_a_temporary_queue_is_nobody_else_s(room: StompRoom) -> None:
    one, other = room.connect(), room.connect()
    one >> subscribe("/temp-queue/x") >> send("/temp-queue/x", b"one")
    other >> subscribe("/temp-queue/x") >> send("/temp-queue/x", b"other")
    assert (got(one), got(other)) == ([("/temp-queue/x", b"one")], [("/temp-queue/x", b"other")])


# Durable subscriptions


@pytest.mark.parametrize("header", ["activemq__subscriptionName", "durable_subscription_name"])
def test_a_durable_subscription_gets_what_came_meanwhile(room: StompRoom, header: str) -> None:
    client, writer = room.connect(client_id="me"), room.connect()
    client >> subscribe("/topic/t", **{header: "s"})
    client.hang_up()
    writer >> send("/topic/t", b"meanwhile", persistent="true")
    again = room.connect(client_id="me")
    again >> subscribe("/topic/t", **{header: "s"})
    assert got(again) == [("/topic/t", b"meanwhile")]


def test_it_ends_when_it_is_ended_by_its_name(room: StompRoom) -> None:
    client = room.connect(client_id="me")
    name = {"activemq.subscriptionName": "s"}
    client >> subscribe("/topic/t", activemq__subscriptionName="s")
    client >> Frame("UNSUBSCRIBE", {"id": "1"})
    (queue,) = room.broker.vhosts["/"].queues
    assert queue == "activemq.durable.me.s"
    client >> Frame("UNSUBSCRIBE", {"id": "1", "receipt": "r", **name})
    assert client.only().command == "RECEIPT"
    assert not room.broker.vhosts["/"].queues


def test_another_condition_makes_it_another_one(room: StompRoom) -> None:
    """As JMS has it: what waited by the old one is gone."""
    client, writer = room.connect(client_id="me"), room.connect()
    client >> subscribe("/topic/t", activemq__subscriptionName="s", selector="a = '1'")
    client >> Frame("UNSUBSCRIBE", {"id": "1"})
    writer >> send("/topic/t", b"old", a="1")
    client >> subscribe("/topic/t", activemq__subscriptionName="s", selector="a = '2'")
    writer >> send("/topic/t", b"no", a="1") >> send("/topic/t", b"new", a="2")
    assert got(client) == [("/topic/t", b"new")]


def test_it_needs_to_know_whose_it_is(room: StompRoom) -> None:
    client = room.connect()
    client >> subscribe("/topic/t", activemq__subscriptionName="s")
    assert "client-id" in error(client)
    client = room.connect(client_id="me")
    client >> subscribe("/queue/q", activemq__subscriptionName="s")
    assert "one topic" in error(client)


# Headers


def test_what_every_message_says(room: StompRoom) -> None:
    client = room.connect()
    client >> subscribe("/queue/q") >> send("/queue/q") >> send("/queue/q", priority="9")
    plain, urgent = client.frames()
    now_ms = str(room.broker.now_ms())
    assert plain.headers["timestamp"] == now_ms
    assert (plain.headers["priority"], plain.headers["expires"]) == ("4", "0")
    assert urgent.headers["priority"] == "9"


def test_expires_is_when_it_expires(room: StompRoom) -> None:
    client = room.connect()
    when = str(room.broker.now_ms() + 5000)
    client >> send("/queue/q", b"1", expires=when) >> send("/queue/q", b"2", expires="0")
    client >> subscribe("/queue/q", "a", ack="client")
    one, _ = client.frames()
    assert one.headers["expires"] == when
    client.hang_up()
    room.let_pass(6)
    late = room.connect()
    late >> subscribe("/queue/q")
    assert [body for _, body in got(late)] == [b"2"]


def test_a_delay(room: StompRoom) -> None:
    client = room.connect()
    client >> subscribe("/queue/q")
    client >> Frame("SEND", {"destination": "/queue/q", "AMQ_SCHEDULED_DELAY": "3000"}, b"later")
    assert got(client) == []
    room.let_pass(4)
    assert got(client) == [("/queue/q", b"later")]


@pytest.mark.parametrize(
    "frame",
    [
        subscribe("/queue/q", browser="true"),
        subscribe("/topic/t", activemq__noLocal="true"),
        Frame("SEND", {"destination": "/queue/q", "AMQ_SCHEDULED_CRON": "0 * * * *"}),
    ],
)
def test_what_there_is_not_is_refused(room: StompRoom, frame: Frame) -> None:
    client = room.connect()
    client >> frame
    assert error(client).startswith("not_implemented: ")


@pytest.mark.parametrize(
    ("header", "count"),
    [("activemq__prefetchSize", 2), ("prefetch_count", 2), ("consumer_window_size", 1)],
)
def test_prefetch(room: StompRoom, header: str, count: int) -> None:
    client = room.connect()
    value = "0" if count == 1 else "2"
    client >> subscribe("/queue/q", ack="client-individual", **{header: value})
    for _ in range(3):
        client >> send("/queue/q")
    assert len(client.frames()) == count


def test_priorities_of_consumers(room: StompRoom) -> None:
    low, high = room.connect(), room.connect()
    low >> subscribe("/queue/q")
    high >> subscribe("/queue/q", activemq__priority="5")
    low >> send("/queue/q")
    assert (len(low.frames()), len(high.frames())) == (0, 1)


def test_exclusive_consumers_wait_for_each_other(room: StompRoom) -> None:
    first, second = room.connect(), room.connect()
    first >> subscribe("/queue/q", activemq__exclusive="true")
    second >> subscribe("/queue/q", activemq__exclusive="true")
    first >> send("/queue/q", b"1") >> send("/queue/q", b"2")
    assert [body for _, body in got(first)] == [b"1", b"2"]
    first.hang_up()
    second >> send("/queue/q", b"3")
    assert [body for _, body in got(second)] == [b"3"]


def test_both_dialects_share_their_messages(room: StompRoom) -> None:
    """A listener of each; the queues are the same."""
    ours, theirs = room.connect(), room.stomp_dialog(dialect=RABBITMQ)
    theirs.connect()
    theirs >> subscribe("/queue/a%2Fb") >> send("/topic/x.y", b"to ours")
    ours >> subscribe("/topic/x.>") >> send("/queue/a/b", b"to theirs")
    theirs >> send("/topic/x.y", b"to ours")
    assert got(theirs) == [("/queue/a%2Fb", b"to theirs")]
    assert got(ours) == [("/topic/x.y", b"to ours")]
