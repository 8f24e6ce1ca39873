"""Destinations, and the queues behind them."""

import pytest
from tests.unit.protocols.stomp.frames import said, send, subscribe

from anymq.protocols.stomp.codec import V10, V11, V12, Frame
from anymq.testing.stomp import StompRoom

DURABLE = {"durable": "true", "auto_delete": "false"}


@pytest.fixture
def room():
    return StompRoom()


@pytest.fixture
def vhost(room):
    return room.broker.vhosts["/"]


def test_a_queue_by_its_name_is_made_and_lasts(room, vhost):
    room.connect() >> send()
    assert vhost.queues["q"].durable
    assert vhost.queues["q"].ready == 1


def test_a_queue_that_must_be_there(room, vhost):
    client = room.connect()
    client >> subscribe(destination="/amq/queue/q")
    error = client.only()
    assert error.headers["message"] == "not_found"
    assert error.body == b"NOT_FOUND - no queue 'q' in vhost '/'"


def test_a_queue_is_as_its_headers_say(room, vhost):
    client = room.connect()
    client >> subscribe(x_max_length="10", x_message_ttl="60000", x_queue_type="quorum")
    assert vhost.queues["q"].kind == "quorum"
    assert vhost.queues["q"].arguments == {
        "x-max-length": 10,
        "x-message-ttl": 60000,
        "x-queue-type": "quorum",
    }


def test_who_wants_no_lasting_queue_has_it_alone(room, vhost):
    one, other = room.connect(), room.connect()
    one >> subscribe(durable="false")
    assert vhost.queues["q"].owner is not None
    other >> subscribe()
    assert other.only().headers["message"] == "resource_locked"
    one.hang_up()
    assert "q" not in vhost.queues


def test_a_subscription_of_a_topic_goes_with_its_client(room, vhost):
    client = room.connect()
    client >> subscribe(destination="/topic/a")
    [name] = vhost.queues
    assert name.startswith("stomp-subscription-")
    client.hang_up()
    assert not vhost.queues


def test_a_durable_subscription_waits_for_its_client(room, vhost):
    client = room.connect()
    client >> subscribe("me", "/topic/a", **DURABLE)
    client.hang_up()
    room.connect() >> send(b"missed", "/topic/a")
    again = room.connect()
    again >> subscribe("me", "/topic/a", **DURABLE)
    assert again.only().body == b"missed"


def test_a_durable_subscription_finds_the_queue_that_rabbitmq_made(room, vhost):
    """Up to 4.3 it calls it so (tests/differential/stomp asks it), after that otherwise."""
    for name in (
        "stomp-subscription-F9pYoJN0O_cxUVJYo79Kww",
        "stomp-subscription-UVh1xN9Kz34Qov376hezmw",
    ):
        vhost.declare_queue(name, durable=True)
        client = room.connect()
        client >> subscribe("me", "/topic/a", **DURABLE)
        assert vhost.queues[name].consumer_count
        client >> said("UNSUBSCRIBE", id="me", durable="true")
        assert not vhost.queues


def test_its_end_is_said_so(room, vhost):
    client = room.connect()
    client >> subscribe("me", "/topic/a", **DURABLE)
    client >> said("UNSUBSCRIBE", id="me", durable="true", receipt="1")
    assert client.only() == Frame("RECEIPT", {"receipt-id": "1"})
    assert not vhost.queues


def test_x_queue_name_names_it(room, vhost):
    room.connect() >> subscribe(destination="/topic/a", x_queue_name="mine")
    assert list(vhost.queues) == ["mine"]


def test_an_exchange_and_a_key(room):
    reader, writer = room.connect(), room.connect()
    reader >> subscribe(destination="/exchange/amq.direct/k%2Fl")
    writer >> send(b"x", "/exchange/amq.direct/k%2Fl") >> send(b"y", "/exchange/amq.direct/k")
    frame = reader.only()
    assert (frame.body, frame.headers["destination"]) == (b"x", "/exchange/amq.direct/k%2Fl")


def test_an_exchange_that_is_not_there_ends_the_connection(room, vhost):
    client = room.connect()
    client >> subscribe(destination="/exchange/none/k")
    assert client.only().headers["message"] == "not_found"
    assert not vhost.queues
    room.let_pass(2)
    assert client.session.closed


def test_answers_by_a_temporary_queue(room):
    asker, answerer = room.connect(), room.connect()
    answerer >> subscribe(destination="/queue/service")
    asker >> send(b"?", "/queue/service", reply_to="/temp-queue/mine", correlation_id="7")
    question = answerer.only()
    assert question.headers["reply-to"].startswith("/reply-queue/stomp.gen-")
    answerer >> send(b"!", question.headers["reply-to"], correlation_id="7")
    answer = asker.only()
    assert (answer.body, answer.headers["subscription"]) == (b"!", "/temp-queue/mine")
    assert answer.headers["correlation-id"] == "7"


@pytest.mark.parametrize(
    ("destination", "title", "text"),
    [
        ("/queue/a/b", "Invalid destination", "'/a/b' is not a valid queue destination\n"),
        ("/queue", "Invalid destination", "'' is not a valid queue destination\n"),
        ("/exchange//foo", "Invalid destination", "'//foo' is not a valid exchange destination\n"),
        ("", "Invalid destination", "Destination cannot be blank"),
        ("/temp-queue/a", "Invalid destination", "'/temp-queue/a' is not a valid destination"),
        ("/other/a", "Unknown destination", "'/other/a' is not a valid destination.\n"),
    ],
)
def test_destinations_that_are_none(room, destination, title, text):
    """In RabbitMQ's words; the client may go on."""
    for make in (send, subscribe):
        client = room.connect()
        client >> make(destination=destination)
        error = client.only()
        assert error.headers["message"] == title
        assert error.body.decode().startswith(text)
        client >> send(receipt="1")
        assert client.only().command == "RECEIPT"


def test_a_deleted_queue_ends_its_subscription_not_the_connection(room, vhost):
    client = room.connect()
    client >> subscribe("me")
    vhost.delete_queue("q")
    room.settle()
    error = client.only()
    assert error.headers["message"] == "Server cancelled subscription"
    assert error.headers["subscription"] == "me"
    client >> subscribe("me") >> send(b"x")
    assert client.only().body == b"x"


def test_the_same_subscription_twice_ends_the_connection(room):
    client = room.connect()
    client >> subscribe() >> subscribe()
    error = client.only()
    assert error.headers["message"] == "Duplicated subscription identifier"
    assert error.body == b"A subscription identified by 'T_1' already exists."


def test_prefetch_limits_what_is_out(room):
    client = room.connect()
    client >> subscribe(ack="client-individual", prefetch_count="2")
    for number in range(4):
        client >> send(b"%d" % number)
    one, two = client.frames()
    client >> said("ACK", id=one.headers["ack"])
    assert client.only().body == b"2"
    client >> said("NACK", id=two.headers["ack"])
    assert client.only().body == b"1"


@pytest.mark.parametrize(
    ("version", "shown", "asked"),
    [(V10, "message-id", "message-id"), (V11, "message-id", "message-id"), (V12, "ack", "id")],
)
def test_which_header_names_a_message(room, version, shown, asked):
    client = room.connect(version)
    client >> subscribe(ack="client") >> send()
    message = client.only()
    assert ("ack" in message.headers) == (version == V12)
    client >> Frame("ACK", {asked: message.headers[shown], "receipt": "1"})
    assert client.only().command == "RECEIPT"


def test_what_is_acknowledged_twice_is_not_there(room):
    client = room.connect()
    client >> subscribe(ack="client") >> send()
    ack = said("ACK", id=client.only().headers["ack"])
    client >> ack >> ack
    assert client.only().headers["message"] == "Message not found"


def test_what_was_delivered_can_be_acknowledged_after_the_subscription(room):
    client = room.connect()
    client >> subscribe(ack="client") >> send()
    message = client.only()
    client >> said("UNSUBSCRIBE", id="1") >> said("ACK", id=message.headers["ack"], receipt="1")
    assert client.only().command == "RECEIPT"
    client.hang_up()
    assert room.broker.vhosts["/"].queues["q"].ready == 0


def test_nack_without_requeue_is_the_end_of_a_message(room, vhost):
    client = room.connect()
    client >> subscribe(ack="client") >> send()
    client >> said("NACK", id=client.only().headers["ack"], requeue="false")
    assert client.frames() == []
    assert vhost.queues["q"].ready == vhost.queues["q"].unacked == 0


def test_dead_letters_say_where_they_died(room):
    client = room.connect()
    client >> subscribe("dead", "/queue/dead")
    client >> subscribe(
        "1", "/queue/q", ack="client", x_dead_letter_exchange="", x_dead_letter_routing_key="dead"
    )
    client >> send(b"x", color="blue")
    client >> said("NACK", id=client.only().headers["ack"], requeue="false")
    letter = client.only()
    assert letter.headers["subscription"] == "dead"
    assert letter.headers["color"] == "blue"
    assert letter.headers["x-first-death-reason"] == "rejected"
    assert '"queue":"q"' in letter.headers["x-death"]


def test_messages_that_expire_and_that_wait(room):
    client = room.connect()
    client >> send(b"short", expiration="1000") >> send(b"long")
    client >> send(b"late", "/queue/q", x_delay="5000")
    room.let_pass(2)
    client >> subscribe()
    assert [frame.body for frame in client.frames()] == [b"long"]
    room.let_pass(4)
    assert client.only().body == b"late"


def test_a_stream_is_read_from_where_one_says(room):
    client = room.connect()
    client >> subscribe("made", "/queue/s", x_queue_type="stream")
    for number in range(5):
        client >> send(b"%d" % number, "/queue/s")
    client >> said("UNSUBSCRIBE", id="made")
    client.frames()
    client >> subscribe("2", "/queue/s", x_stream_offset="offset=3")
    assert [(one.body, one.headers["x-stream-offset"]) for one in client.frames()] == [
        (b"3", "3"),
        (b"4", "4"),
    ]


def test_a_stream_with_acknowledgements_gives_no_more_than_the_prefetch(room):
    client = room.connect()
    client >> subscribe("made", "/queue/s", x_queue_type="stream")
    client >> said("UNSUBSCRIBE", id="made")
    for number in range(5):
        client >> send(b"%d" % number, "/queue/s")
    client >> subscribe("2", "/queue/s", x_stream_offset="first", ack="client", prefetch_count="2")
    _, two = client.frames()
    client >> said("ACK", id=two.headers["ack"])
    assert [one.body for one in client.frames()] == [b"2", b"3"]
