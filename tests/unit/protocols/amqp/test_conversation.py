"""The connection itself: greeting, login, limits, heartbeats, alarms, and all the ways to end."""

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.protocols.amqp.talk import Noting, Room

from anymq.config.units import MIB
from anymq.core.errors import Locked, NotFound, Unsupported
from anymq.protocols.amqp import methods
from anymq.protocols.amqp.codec import FRAME, HEARTBEAT_FRAME, method_frame
from anymq.protocols.amqp.errors import ChannelError, ConnectionFault, ReplyCode
from anymq.protocols.amqp.fields import MalformedFields
from anymq.protocols.amqp.settings import AmqpSettings
from anymq.security.users import Users
from anymq.testing.amqp import PEER, PLAIN_GUEST, AmqpDialog, AmqpRoom, published

FAR = replace(PEER, host="192.0.2.7")
REFUSED = methods.ConnectionClose(
    403,
    "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN."
    " For details see the broker logfile.",
    0,
    0,
)
CLOSE_OK = methods.ConnectionCloseOk()


# -- the greeting


def test_the_broker_says_who_it_is_and_what_it_can() -> None:
    """Clients look for the capabilities, people for the product."""
    start = Room().dialog().greet()
    assert (start.version_major, start.version_minor, start.locales) == (0, 9, b"en_US")
    assert start.mechanisms == b"AMQPLAIN PLAIN"
    assert start.server_properties["product"] == "anymq"
    assert set(start.server_properties["capabilities"].values()) == {True}
    assert "publisher_confirms" in start.server_properties["capabilities"]


def test_for_some_clients_it_calls_itself_rabbitmq() -> None:
    """Tools that look for the name and the version."""
    start = Room(AmqpSettings(compat_product=True)).dialog().greet()
    assert start.server_properties["product"] == "RabbitMQ"
    assert start.server_properties["version"].startswith("4.")


# -- login


@pytest.mark.parametrize(
    ("mechanism", "response"),
    [
        ("PLAIN", b"\0ada\0secret"),
        ("AMQPLAIN", b"\x05LOGINS\0\0\0\x03ada\x08PASSWORDS\0\0\0\x06secret"),
    ],
)
def test_who_knows_the_password_comes_in(mechanism: str, response: bytes) -> None:
    """Both ways of RabbitMQ, from anywhere."""
    client = Room().dialog(FAR)
    client.greet()
    client.start_ok(mechanism, response)
    assert client.only() == methods.ConnectionTune(2047, 131_072, 60)


@pytest.mark.parametrize("response", [b"\0ada\0wrong", b"\0nobody\0secret", b"\0\0", b"\0\xff\0x"])
def test_who_does_not_is_told_if_it_can_bear_it(response: bytes) -> None:
    """The capability says whether a client expects a close here."""
    room = Room()
    client, old = room.dialog(), room.dialog()
    for each, properties in ((client, None), (old, {})):
        each.greet()
        each.start_ok(response=response, properties=properties)
    assert client.only() == REFUSED
    client >> (0, CLOSE_OK)
    assert client.session.closed
    assert old.raw() == b""
    assert not old.session.closed  # guessing takes time
    room.pass_time(4, old)
    assert old.session.closed
    assert room.amqp.counters.logins_failed == 2


def test_guest_comes_from_this_machine_only() -> None:
    """The best known password there is."""
    for host, welcome in (("127.0.0.1", True), ("::1", True), ("::ffff:127.0.0.1", True)):
        assert _comes_in(Room(), host, PLAIN_GUEST) is welcome
    assert not _comes_in(Room(), "192.0.2.7", PLAIN_GUEST)
    assert _comes_in(Room(AmqpSettings(loopback_users=())), "192.0.2.7", PLAIN_GUEST)


def _comes_in(room: Room, host: str, response: bytes, mechanism: str = "PLAIN") -> bool:
    client = room.dialog(replace(PEER, host=host))
    client.greet()
    client.start_ok(mechanism, response)
    return isinstance(client.only(), methods.ConnectionTune)


def test_a_certificate_is_enough_where_that_is_offered() -> None:
    """EXTERNAL: TLS has checked it, we only read the name."""
    names: dict[str, Any] = {
        "subject": ((("organizationName", "anymq"),), (("commonName", "ada"),)),
        "subjectAltName": (("DNS", "grace"),),
    }
    peer = replace(PEER, tls=True, certificate=lambda: names)
    for where, name in (
        ("common_name", "ada"),
        ("distinguished_name", "CN=ada,O=anymq"),
        ("subject_alternative_name", "grace"),
    ):
        settings = AmqpSettings(mechanisms=("PLAIN", "EXTERNAL"), certificate_name=where)
        client = Room(settings, users=Users({name: ("secret",)})).dialog(peer)
        assert client.greet().mechanisms == b"EXTERNAL PLAIN"
        client.start_ok("EXTERNAL", b"")
        assert isinstance(client.only(), methods.ConnectionTune)
        assert client.session.conversation.user == name
    settings = AmqpSettings(mechanisms=("PLAIN", "EXTERNAL"))
    stranger = Room(settings, users=Users({"grace": ("secret",)})).dialog(peer)
    stranger.greet()
    stranger.start_ok("EXTERNAL", b"")
    assert stranger.only() == replace(
        REFUSED, reply_text=REFUSED.reply_text.replace("PLAIN", "EXTERNAL")
    )
    without_tls = Room(settings).dialog()
    assert without_tls.greet().mechanisms == b"PLAIN"


def test_anonymous_is_somebody_if_so_configured() -> None:
    """Off as long as nobody says who that is."""
    settings = AmqpSettings(mechanisms=("ANONYMOUS",), anonymous_user="visitor")
    client = Room(settings, users=Users({"visitor": ("secret",)})).dialog(FAR)
    assert client.greet().mechanisms == b"ANONYMOUS"
    client.start_ok("ANONYMOUS", b"")
    assert isinstance(client.only(), methods.ConnectionTune)
    assert Room(replace(settings, anonymous_user="")).dialog().greet().mechanisms == b""


@pytest.mark.parametrize(
    ("mechanism", "response", "why"),
    [
        ("NOPE", b"", "unknown authentication mechanism 'NOPE'"),
        ("EXTERNAL", b"", "invalid authentication mechanism 'EXTERNAL'"),
        ("PLAIN", b"ada", "response invalid"),
        ("PLAIN", b"boss\0ada\0secret", "response invalid"),
        ("AMQPLAIN", b"\x05LOGINS\0\0\0\x03ada", "missing LOGIN or PASSWORD"),
        ("AMQPLAIN", b"\x05LOGIN", "longer than its table"),
        ("AMQPLAIN", b"\x05LOGINt\x01\x08PASSWORDt\x01", "unsupported type"),
    ],
)
def test_what_is_no_login_ends_in_silence(mechanism: str, response: bytes, why: str) -> None:
    """So does RabbitMQ: whoever it is, he is not to be trusted."""
    room = Room()
    client = room.dialog()
    client.greet()
    client.start_ok(mechanism, response)
    assert client.raw() == b""
    room.pass_time(4, client)
    assert client.session.closed
    assert why in client.session.reason
    assert "secret" not in client.session.reason


def test_who_takes_too_long_is_sent_away() -> None:
    """A connection that never logs in costs us one."""
    room = Room(AmqpSettings(handshake_seconds_max=10))
    clients = [room.dialog(), room.dialog()]
    clients[1].greet()
    room.pass_time(11, *clients)
    assert all(client.session.closed for client in clients)
    assert "handshake_timeout" in clients[0].session.reason


# -- limits


@pytest.mark.parametrize(
    ("channel_max", "frame_max", "text"),
    [
        (2047, 4096, "frame_max = 4096 is lower than the minimum allowed value (8192)"),
        (2047, 0, "frame_max = 0 is higher than the maximum allowed value (131072)"),
        (0, 131_072, "channel_max = 0 (no limit) is higher than the maximum allowed value (2047)"),
        (9999, 131_072, "channel_max = 9999 is higher than the maximum allowed value (2047)"),
    ],
)
def test_limits_beyond_ours_are_refused(channel_max: int, frame_max: int, text: str) -> None:
    """In RabbitMQ's words."""
    client = Room().dialog()
    client.greet()
    client.start_ok()
    client.answers()
    client >> (0, methods.ConnectionTuneOk(channel_max, frame_max, 0))
    assert client.only() == methods.ConnectionClose(530, f"NOT_ALLOWED - negotiated {text}", 10, 30)


def test_before_the_login_frames_are_small() -> None:
    """Who is nobody does not make us keep much."""
    client = Room().dialog()
    client.greet()
    client >> FRAME.pack(1, 0, 8193)
    assert client.raw() == b""
    assert "frame_too_large,8193,8184" in client.session.conversation.reason


def test_a_connection_has_so_many_channels() -> None:
    """The number of a channel may be any; how many there are counts."""
    client = Room(AmqpSettings(channels_max=2)).dialog().log_in().open(9).open(7)
    client >> (1, methods.ChannelOpen())
    text = "NOT_ALLOWED - number of channels opened (2) has reached the negotiated channel_max (2)"
    assert client.only() == methods.ConnectionClose(530, text, 0, 0)


def test_a_message_beyond_the_limit_costs_its_channel() -> None:
    """Its body is not kept meanwhile."""
    room = Room(AmqpSettings(message_bytes_max=10_000))
    client = room.dialog().log_in().open(1)
    message = published(1, b"x" * 20_000)
    client.feed(message[:-10])
    assert client.session.held_bytes < 20_100
    client.feed(message[-10:])
    text = "PRECONDITION_FAILED - message size 20000 is larger than configured max size 10000"
    assert client.answers() == [(1, methods.ChannelClose(406, text, 60, 40))]
    in_pieces = room.dialog().log_in().open(1)
    in_pieces.feed(published(1, b"x" * 20_000, frame_max=1000))
    assert in_pieces.answers() == [(1, methods.ChannelClose(406, text, 60, 40))]


# -- virtual hosts


def test_there_must_be_such_a_virtual_host() -> None:
    """RabbitMQ says not allowed, not not found."""
    client = Room().dialog()
    client.greet()
    client.start_ok()
    client >> (0, methods.ConnectionTuneOk(2047, 131_072, 0))
    client.answers()
    client >> (0, methods.ConnectionOpen("nope"))
    text = "NOT_ALLOWED - vhost nope not found"
    assert client.only() == methods.ConnectionClose(530, text, 10, 40)


# -- heartbeats


def test_heartbeats_go_both_ways() -> None:
    """We send them when we have nothing else to say; a client silent for two of them is gone."""
    room = Room()
    client = room.dialog().log_in(heartbeat=10)
    room.pass_time(5, client)
    assert client.raw() == HEARTBEAT_FRAME
    for _ in range(6):
        room.pass_time(9, client)
        client >> HEARTBEAT_FRAME
    assert not client.session.closed
    room.pass_time(20, client)
    assert not client.session.closed
    room.pass_time(1, client)
    assert client.session.closed
    assert client.session.reason == "missed heartbeats from client, timeout: 10s"


def test_what_a_silent_peer_held_goes_to_the_next() -> None:
    """A consumer whose machine died keeps nothing for itself."""
    room = AmqpRoom()
    silent, other = room.dialog().log_in(heartbeat=10).open(), room.dialog().log_in().open()
    declare = methods.QueueDeclare("q", False, False, False, False, False, {})
    own = methods.QueueDeclare("own", False, False, True, False, False, {})
    silent >> (1, declare) >> (1, own) >> published() >> (1, methods.BasicGet("q", no_ack=False))
    room.pass_time(21, silent)
    other >> (1, methods.BasicGet("q", no_ack=True))
    method, *_ = other.frames()
    assert methods.decode(method[2]) == methods.BasicGetOk(1, True, "", "q", 0)
    assert "own" not in room.broker.vhosts["/"].queues


def test_none_are_sent_where_none_are_wanted() -> None:
    """0: neither side minds silence."""
    room = Room()
    client = room.dialog().log_in(heartbeat=0)
    room.pass_time(1000, client)
    assert client.raw() == b""
    assert not client.session.closed


# -- alarms


def test_who_publishes_waits_while_the_broker_is_short_of_something() -> None:
    """Others are not disturbed; those who can are told."""
    room = Room()
    publisher, consumer, old = (
        room.dialog().log_in().open(),
        room.dialog().log_in().open(),
        room.dialog().log_in(properties={}).open(),
    )
    room.broker.flow.set("memory", True)
    room.broker.flow.set("disk", True)
    consumer >> (1, methods.BasicAck(1, False))
    publisher >> published(1)
    old >> published(1)
    assert publisher.only() == methods.ConnectionBlocked("low on disk & memory")
    assert (old.raw(), consumer.raw()) == (b"", b"")
    assert len(room.publishes()) == 2  # those were taken
    for each in (publisher, old, consumer):
        assert each.session.reading
    publisher >> (1, methods.BasicAck(1, False)) >> published(1)
    old >> published(1) * 2
    assert [each.session.reading for each in (publisher, old, consumer)] == [False, False, True]
    assert len(room.publishes()) == 2
    room.broker.flow.set("disk", False)
    assert not publisher.session.more
    room.broker.flow.set("memory", False)
    for each in (publisher, old):
        each.turn()
        assert each.session.reading
    assert publisher.only() == methods.ConnectionUnblocked()
    assert old.raw() == b""
    assert len(room.publishes()) == 5


def test_who_publishes_waits_while_the_disk_is_behind() -> None:
    """What is not written yet is in memory: a publisher faster than the disk waits, no others."""
    room = AmqpRoom()
    publisher, other = room.dialog().log_in(heartbeat=5).open(), room.dialog().log_in().open()
    declare = methods.QueueDeclare("q", False, True, False, False, False, {})
    publisher >> (1, declare) >> (1, methods.ConfirmSelect(nowait=True))
    room.go_on(publisher)
    publisher.raw()
    room.disk_waits = True
    message, taken = published(body=bytes(MIB)), 0
    while publisher.session.reading:
        publisher >> message
        taken += 1
    assert taken * MIB == room.broker.backlog.limit
    assert other.session.reading
    room.pass_time(60, publisher)
    assert not publisher.session.closed, "we do not read, so we cannot miss its heartbeats"
    assert publisher.raw().replace(HEARTBEAT_FRAME, b"") == b""
    room.disk_waits = False
    room.go_on(publisher)
    assert publisher.session.reading
    assert publisher.only() == methods.BasicAck(taken, taken > 1)
    assert room.broker.backlog.size == 0


def test_a_blocked_publisher_is_not_silent() -> None:
    """We do not read, so we cannot miss its heartbeats."""
    room = Room()
    client = room.dialog().log_in(heartbeat=5).open()
    room.broker.flow.set("disk", True)
    client >> published(1) >> published(1)
    room.pass_time(60, client)
    assert not client.session.closed


def test_a_blocked_publisher_may_leave() -> None:
    """RabbitMQ would not hear it say so; a client that closes would hang."""
    room = Room()
    client = room.dialog().log_in().open()
    room.broker.flow.set("disk", True)
    client >> published(1) >> (1, methods.ChannelClose(200, "", 0, 0))
    assert client.answers()[-1] == (1, methods.ChannelCloseOk())
    client >> (0, methods.ConnectionClose(200, "", 0, 0))
    assert client.session.closed


# -- errors of channels


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (NotFound("no queue 'q' in vhost '/'"), 404, "NOT_FOUND - no queue 'q' in vhost '/'"),
        (Locked("it is"), 405, "RESOURCE_LOCKED - it is"),
        (ChannelError(ReplyCode.ACCESS_REFUSED, "no"), 403, "ACCESS_REFUSED - no"),
        (NotFound("é" * 200), 404, "NOT_FOUND - " + "é" * 120 + "..."),
    ],
)
def test_a_refusal_costs_the_channel(error: Exception, code: int, text: str) -> None:
    """The others do not notice; its number is free when the client has agreed."""

    def refuse(_: Noting) -> None:
        raise error

    room = Room(does={"method": refuse})
    client = room.dialog().log_in().open(1).open(2)
    client.feed(method_frame(1, methods.BasicGet("q", True)) + published(1) + published(2))
    assert client.answers() == [(1, methods.ChannelClose(code, text, 60, 70))]
    assert len(room.publishes()) == 1
    assert (1, "close", None) in room.told
    client >> (1, methods.ChannelClose(200, "", 0, 0))  # it closes, too
    assert client.answers() == [(1, methods.ChannelCloseOk())]
    client >> (1, methods.ChannelCloseOk())
    client.open(1)


@pytest.mark.parametrize("what", ["publish", "ack", "end_of_read"])
def test_also_on_the_fast_road(what: str) -> None:
    """Messages and acks have handlers that refuse, as well."""

    def refuse(channel: Noting) -> None:
        if channel.number == 1:
            raise NotFound("no exchange 'x' in vhost '/'")

    room = Room(does={what: refuse})
    client = room.dialog().log_in().open(1).open(2)
    said = method_frame(1, methods.BasicAck(1, False)) if what == "ack" else published(1)
    client.feed(said + published(2) * 2)
    key = 80 if what == "ack" else 40
    text = "NOT_FOUND - no exchange 'x' in vhost '/'"
    assert client.answers() == [(1, methods.ChannelClose(404, text, 60, key))]
    assert len(room.publishes()) == (2 if what == "ack" else 3)


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (
            Unsupported("basic.get not supported"),
            methods.ConnectionClose(540, "NOT_IMPLEMENTED - basic.get not supported", 60, 70),
        ),
        (
            ConnectionFault(ReplyCode.COMMAND_INVALID, "unimplemented method"),
            methods.ConnectionClose(503, "COMMAND_INVALID - unimplemented method", 60, 70),
        ),
        (MalformedFields("properties"), methods.ConnectionClose(541, "INTERNAL_ERROR", 0, 0)),
    ],
)
def test_some_refusals_cost_the_connection(
    error: Exception, answer: methods.ConnectionClose
) -> None:
    """AMQP calls them hard errors."""

    def refuse(_: Noting) -> None:
        raise error

    client = Room(does={"method": refuse}).dialog().log_in().open(1)
    client >> (1, methods.BasicGet("q", True))
    assert client.answers() == [(0, answer)]


def test_a_channel_may_be_closed_from_outside() -> None:
    """A confirm that failed, a consumer that took too long."""
    room = Room()
    client = room.dialog().log_in().open(1)
    wire = room.channels[1].wire
    wire.close_channel(1, ChannelError(ReplyCode.PRECONDITION_FAILED, "timeout"))
    wire.close_channel(1, ChannelError(ReplyCode.PRECONDITION_FAILED, "again"))
    text = "PRECONDITION_FAILED - timeout"
    assert client.answers() == [(1, methods.ChannelClose(406, text, 0, 0))]
    client >> published(1)
    assert not room.publishes()


# -- the end


def test_a_channel_ends_when_its_acks_are_safe() -> None:
    """What was acknowledged does not come back, even after a kill."""
    room = Room(disk_waits=True)
    client = room.dialog().log_in().open(1)
    client >> published(1) >> (1, methods.ChannelClose(200, "", 0, 0))
    assert client.raw() == b""
    assert client.session.busy
    assert room.channels[1].then is not None
    room.channels[1].then()
    assert client.answers() == [(1, methods.ChannelCloseOk())]
    client.open(1)


def test_a_connection_ends_when_its_channels_have() -> None:
    """And its exclusive queues are gone before the client hears of it."""
    room = Room(disk_waits=True)
    client = room.dialog().log_in().open(1).open(2)
    client >> (0, methods.ConnectionClose(200, "bye", 0, 0))
    assert client.raw() == b""
    for channel in room.channels.values():
        assert channel.then is not None
        channel.then()
    assert client.answers() == [(0, CLOSE_OK)]
    assert client.session.closed
    assert client.session.reason == ""
    client.hang_up()
    assert len(room.broker.vhosts["/"].gone) == 1


def test_a_peer_that_is_gone_gives_back_what_it_held() -> None:
    """No goodbye is needed, and a late answer finds nobody."""
    room = Room(disk_waits=True)
    client = room.dialog().log_in().open(1)
    client >> (1, methods.ChannelClose(200, "", 0, 0))
    other = room.dialog().log_in().open(1)
    for each in (client, other):
        each.hang_up()
    assert [what for _, what, _ in room.told].count("close") == 2
    assert len(room.broker.vhosts["/"].gone) == 2
    for channel in room.channels.values():
        assert channel.then is not None
        channel.then()
    assert not room.broker.flow._listeners


def test_who_does_not_agree_to_the_end_is_cut_off() -> None:
    """Thirty seconds, as RabbitMQ waits."""
    room = Room()
    client = room.dialog().log_in().open(1)
    client >> (1, methods.ChannelOpen())
    room.pass_time(29, client)
    assert not client.session.closed
    client >> (0, methods.ConnectionClose(200, "", 0, 0))  # both at once
    assert client.answers()[-1] == (0, CLOSE_OK)
    room.pass_time(2, client)
    assert client.session.closed


@pytest.mark.parametrize(
    ("first", "what"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01", "TLS"),
        (b"AMQP\x00\x01\x00\x00", "AMQP 1.0"),
        (b"GET / HT", "HTTP"),
        (b"whatever", "AMQP 0-9-1"),
    ],
)
def test_the_log_says_what_came_to_the_wrong_port(first: bytes, what: str) -> None:
    """Most often it is a client with a wrong setting, and somebody who looks for it."""
    dialog = Room().dialog()
    dialog >> first
    assert what in dialog.session.reason


def test_a_broker_that_stops_says_so(capfd: pytest.CaptureFixture[str]) -> None:
    """Clients reconnect elsewhere. The log does not call it an error of each of them."""
    room = Room()
    client: AmqpDialog = room.dialog().log_in().open(1)
    room.amqp.say_goodbye("shutdown")
    text = "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'"
    assert client.only() == methods.ConnectionClose(320, text, 0, 0)
    client >> (0, CLOSE_OK)
    assert client.session.closed
    assert "connection error" not in capfd.readouterr().err


def test_a_secret_may_be_renewed() -> None:
    """Tokens expire; ours do not, and any new one is welcome."""
    client = Room().dialog().log_in()
    client >> (0, methods.ConnectionUpdateSecret(b"new", "the old one expires"))
    assert client.only() == methods.ConnectionUpdateSecretOk()
