"""What is not the protocol: every kind of it gets its own error, and the connection ends."""

import struct

from tests.differential.amqp import methods
from tests.differential.amqp.client import BODY, CONTENT, HEARTBEAT, METHOD, content, frame
from tests.differential.amqp.talk import Channel, Talk


def _channel(talk: Talk) -> Channel:
    ch = talk.channel()
    ch("queue.declare", queue="q")
    return ch


def _then(ch: Channel, data: bytes, note: str = "") -> None:
    """Send these bytes; note what closes the connection."""
    ch.connection.bytes(data, note)
    Channel(ch.connection, 0).take()
    ch.connection.ends()


PUBLISH = frame(METHOD, 1, methods.encode("basic.publish", {"routing_key": "q"}))
NO_PROPERTIES = b"\0\0"


def unknown_kind_of_frame(talk: Talk) -> None:
    _then(_channel(talk), frame(5, 1, b"hello"))


def unknown_kind_of_frame_on_channel_zero(talk: Talk) -> None:
    _then(_channel(talk), frame(5, 0, b""))


def wrong_end_of_frame(talk: Talk) -> None:
    good = frame(METHOD, 1, methods.encode("basic.qos", {}))
    _then(_channel(talk), good[:-1] + b"\x00")


def frame_larger_than_agreed(talk: Talk) -> None:
    _then(_channel(talk), struct.pack(">BHI", METHOD, 1, 131073))


def frame_as_large_as_agreed(talk: Talk) -> None:
    ch = _channel(talk)
    header = frame(CONTENT, 1, struct.pack(">HHQ", 60, 0, 131064) + NO_PROPERTIES)
    ch.connection.bytes(PUBLISH + header + frame(BODY, 1, b"x" * 131064))
    ch.count("q", 1)


def frame_a_little_larger_than_agreed(talk: Talk) -> None:
    ch = _channel(talk)
    header = frame(CONTENT, 1, struct.pack(">HHQ", 60, 0, 131072) + NO_PROPERTIES)
    ch.connection.bytes(PUBLISH + header + frame(BODY, 1, b"x" * 131072))
    ch.count("q", 1)


def frame_that_says_it_is_huge(talk: Talk) -> None:
    _then(_channel(talk), struct.pack(">BHI", METHOD, 1, 0xFFFFFFF0))


def unknown_class(talk: Talk) -> None:
    _then(_channel(talk), frame(METHOD, 1, struct.pack(">HH", 77, 10)))


def unknown_method(talk: Talk) -> None:
    _then(_channel(talk), frame(METHOD, 1, struct.pack(">HH", 60, 99)))


def empty_method(talk: Talk) -> None:
    _then(_channel(talk), frame(METHOD, 1, b""))


def half_a_method(talk: Talk) -> None:
    whole = methods.encode("queue.declare", {"queue": "half"})
    _then(_channel(talk), frame(METHOD, 1, whole[:8]))


def method_with_too_much(talk: Talk) -> None:
    whole = methods.encode("queue.declare", {"queue": "q", "passive": True})
    ch = _channel(talk)
    ch.connection.bytes(frame(METHOD, 1, whole + b"more"))
    ch.take()


def table_longer_than_its_frame(talk: Talk) -> None:
    whole = methods.encode("queue.declare", {"queue": "q"})[:-4]
    _then(_channel(talk), frame(METHOD, 1, whole + struct.pack(">I", 1000)))


def table_with_an_unknown_type(talk: Talk) -> None:
    whole = methods.encode("queue.declare", {"queue": "q"})[:-4]
    bad = b"\x01aZ\x00"
    _then(_channel(talk), frame(METHOD, 1, whole + struct.pack(">I", len(bad)) + bad))


def table_with_half_a_value(talk: Talk) -> None:
    whole = methods.encode("queue.declare", {"queue": "q"})[:-4]
    bad = b"\x01aI\x00"
    _then(_channel(talk), frame(METHOD, 1, whole + struct.pack(">I", len(bad)) + bad))


def name_that_is_no_utf8(talk: Talk) -> None:
    ch = _channel(talk)
    whole = methods.encode("queue.declare", {"queue": "XX"}).replace(b"XX", b"\xff\xfe")
    ch.connection.bytes(frame(METHOD, 1, whole))
    ch.quiet()


def method_on_a_channel_that_is_not_open(talk: Talk) -> None:
    _then(_channel(talk), frame(METHOD, 9, methods.encode("basic.qos", {})))


def channel_opened_twice(talk: Talk) -> None:
    _then(_channel(talk), frame(METHOD, 1, methods.encode("channel.open", {})))


def close_of_a_channel_that_is_not_open(talk: Talk) -> None:
    ch = _channel(talk)
    ch.connection.bytes(frame(METHOD, 9, methods.encode("channel.close", {})))
    ch.take()


def close_ok_that_nobody_asked_for(talk: Talk) -> None:
    ch = _channel(talk)
    ch.connection.bytes(frame(METHOD, 1, methods.encode("channel.close-ok", {})))
    ch.quiet()


def method_of_a_channel_on_channel_zero(talk: Talk) -> None:
    _then(_channel(talk), frame(METHOD, 0, methods.encode("basic.qos", {})))


def method_of_the_connection_on_a_channel(talk: Talk) -> None:
    _then(_channel(talk), frame(METHOD, 1, methods.encode("connection.close", {})))


def methods_that_only_servers_say(talk: Talk) -> None:
    payload = methods.encode("basic.deliver", {"consumer_tag": "c", "delivery_tag": 1})
    _then(_channel(talk), frame(METHOD, 1, payload) + content(1, NO_PROPERTIES, b"", 4096))


def declare_ok_from_a_client(talk: Talk) -> None:
    _then(_channel(talk), frame(METHOD, 1, methods.encode("queue.declare-ok", {"queue": "q"})))


def start_from_a_client(talk: Talk) -> None:
    _then(_channel(talk), frame(METHOD, 0, methods.encode("connection.start", {})))


def header_without_publish(talk: Talk) -> None:
    _then(_channel(talk), content(1, NO_PROPERTIES, b"", 4096))


def body_without_publish(talk: Talk) -> None:
    _then(_channel(talk), frame(BODY, 1, b"x"))


def body_without_header(talk: Talk) -> None:
    _then(_channel(talk), PUBLISH + frame(BODY, 1, b"x"))


def method_instead_of_header(talk: Talk) -> None:
    _then(_channel(talk), PUBLISH + frame(METHOD, 1, methods.encode("basic.qos", {})))


def method_instead_of_body(talk: Talk) -> None:
    header = frame(CONTENT, 1, struct.pack(">HHQ", 60, 0, 5) + NO_PROPERTIES)
    _then(_channel(talk), PUBLISH + header + frame(METHOD, 1, methods.encode("basic.qos", {})))


def header_of_another_class(talk: Talk) -> None:
    header = frame(CONTENT, 1, struct.pack(">HHQ", 50, 0, 0) + NO_PROPERTIES)
    _then(_channel(talk), PUBLISH + header)


def more_body_than_announced(talk: Talk) -> None:
    header = frame(CONTENT, 1, struct.pack(">HHQ", 60, 0, 2) + NO_PROPERTIES)
    _then(_channel(talk), PUBLISH + header + frame(BODY, 1, b"xyz"))


def body_in_many_pieces(talk: Talk) -> None:
    ch = _channel(talk)
    header = frame(CONTENT, 1, struct.pack(">HHQ", 60, 0, 3) + NO_PROPERTIES)
    pieces = b"".join(frame(BODY, 1, each) for each in (b"x", b"", b"y", b"z"))
    ch.connection.bytes(PUBLISH + header + pieces)
    ch("basic.consume", queue="q", consumer_tag="c", no_ack=True)
    ch.take()


def body_larger_than_allowed(talk: Talk) -> None:
    ch = _channel(talk)
    header = frame(CONTENT, 1, struct.pack(">HHQ", 60, 0, 600 << 20) + NO_PROPERTIES)
    ch.connection.bytes(PUBLISH + header)
    ch.take()


def body_larger_than_the_limit_for_messages(talk: Talk) -> None:
    ch = _channel(talk)
    ch.publish(b"x" * (17 << 20), "q")
    ch.take()
    talk.channel()("queue.declare", queue="q", passive=True)


def body_size_that_lies(talk: Talk) -> None:
    ch = _channel(talk)
    header = frame(CONTENT, 1, struct.pack(">HHQ", 60, 0, 1 << 62) + NO_PROPERTIES)
    ch.connection.bytes(PUBLISH + header)
    ch.take()


def short_header(talk: Talk) -> None:
    _then(_channel(talk), PUBLISH + frame(CONTENT, 1, struct.pack(">HH", 60, 0)))


def properties_that_end_early(talk: Talk) -> None:
    header = struct.pack(">HHQH", 60, 0, 0, 0x8000) + b"\x20text"
    _then(_channel(talk), PUBLISH + frame(CONTENT, 1, header))


def properties_with_unknown_flags(talk: Talk) -> None:
    header = struct.pack(">HHQH", 60, 0, 0, 0x0002)
    ch = _channel(talk)
    ch.connection.bytes(PUBLISH + frame(CONTENT, 1, header))
    ch("basic.get", queue="q", no_ack=True)


def headers_with_an_unknown_type(talk: Talk) -> None:
    bad = b"\x01aZ\x00"
    header = struct.pack(">HHQHI", 60, 0, 0, 0x2000, len(bad)) + bad
    _then(_channel(talk), PUBLISH + frame(CONTENT, 1, header))


def two_channels_between_each_other(talk: Talk) -> None:
    ch = _channel(talk)
    ch("queue.declare", queue="q2")
    ch.connection.channel()
    header = frame(CONTENT, 1, struct.pack(">HHQ", 60, 0, 2) + NO_PROPERTIES)
    other = frame(METHOD, 2, methods.encode("basic.publish", {"routing_key": "q2"}))
    other += content(2, NO_PROPERTIES, b"two", 4096)
    ch.connection.bytes(PUBLISH + other + header + frame(BODY, 1, b"a") + frame(BODY, 1, b"b"))
    for queue in ("q", "q2"):
        ch.count(queue, 1)
        ch("basic.get", queue=queue, no_ack=True)


def heartbeat_on_a_channel(talk: Talk) -> None:
    ch = _channel(talk)
    ch.connection.bytes(frame(HEARTBEAT, 1, b""))
    ch.quiet()
    ch("basic.qos", prefetch_count=1)


def heartbeat_with_something_in_it(talk: Talk) -> None:
    ch = _channel(talk)
    ch.connection.bytes(frame(HEARTBEAT, 0, b"hello"))
    ch.take()


def nobody_else_notices(talk: Talk) -> None:
    witness = talk.connection().channel()
    witness("queue.declare", queue="w", exclusive=True)
    _then(_channel(talk), frame(METHOD, 1, b"\xff" * 20))
    witness.publish("still here", "w")
    witness("basic.consume", queue="w", consumer_tag="c", no_ack=True)
    witness.take()


def deep_table(talk: Talk) -> None:
    ch = _channel(talk)
    deep: dict[str, object] = {}
    for _ in range(20):
        deep = {"d": deep}
    ch.publish("m", "q", headers=deep)
    ch("basic.consume", queue="q", consumer_tag="c", no_ack=True)
    ch.take()
