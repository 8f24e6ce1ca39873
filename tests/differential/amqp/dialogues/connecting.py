"""From the first byte to connection.open: greetings, logins, negotiation, and the end."""

from typing import Any

from tests.differential.amqp.client import HEADER
from tests.differential.amqp.fields import Typed, table
from tests.differential.amqp.talk import CAPABILITIES, Channel, Talk


def _greeted(talk: Talk) -> Channel:
    """Channel 0 of a connection that has heard connection.start."""
    connection = talk.connect()
    connection.client.send(HEADER)
    connection.client.reply(0, {"connection.start"})
    return connection.zero()


def _say(zero: Channel, mechanism: str, response: bytes, capabilities: Any = None) -> None:
    zero.connection.client.method(
        0,
        "connection.start-ok",
        client_properties={"capabilities": CAPABILITIES if capabilities is None else capabilities},
        mechanism=mechanism,
        response=response,
        locale="en_US",
    )


def _tuned(talk: Talk) -> Channel:
    """Channel 0 of a connection that has heard connection.tune."""
    zero = _greeted(talk)
    _say(zero, "PLAIN", b"\0guest\0guest")
    zero.connection.client.reply(0, {"connection.tune"})
    return zero


def what_the_server_says_of_itself(talk: Talk) -> None:
    connection = talk.connect()
    connection.client.send(HEADER)
    said = connection.client.reply(0, {"connection.start"}).arguments
    talk.write(f"version {said['version_major']}.{said['version_minor']}")
    talk.write(f"locales {said['locales']}")
    for name in ("PLAIN", "AMQPLAIN"):
        talk.write(f"offers {name}: {name in said['mechanisms'].split()}")
    capabilities = said["server_properties"]["capabilities"].value
    for name in sorted(capabilities):
        talk.write(f"can {name}: {capabilities[name].value}")


def what_is_proposed(talk: Talk) -> None:
    zero = _greeted(talk)
    _say(zero, "PLAIN", b"\0guest\0guest")
    zero.take()


def another_protocol(talk: Talk) -> None:
    connection = talk.connect()
    connection.bytes(b"GET / HTTP/1.1\r\n\r\n")
    connection.raw(8)
    connection.ends()


def version_0_8(talk: Talk) -> None:
    connection = talk.connect()
    connection.bytes(b"AMQP\x01\x01\x08\x00")
    connection.raw(8)
    connection.ends()


def version_0_9(talk: Talk) -> None:
    connection = talk.connect()
    connection.bytes(b"AMQP\x01\x01\x00\x09")
    talk.write(connection.client.reply(0, {"connection.start"}).name)


def version_0_10(talk: Talk) -> None:
    connection = talk.connect()
    connection.bytes(b"AMQP\x01\x01\x00\x0a")
    connection.raw(8)
    connection.ends()


def wrong_password(talk: Talk) -> None:
    zero = _greeted(talk)
    _say(zero, "PLAIN", b"\0guest\0wrong")
    zero.take()
    zero.connection.ends()


def wrong_password_without_the_capability(talk: Talk) -> None:
    zero = _greeted(talk)
    _say(zero, "PLAIN", b"\0guest\0wrong", {})
    zero.take()


def unknown_user(talk: Talk) -> None:
    zero = _greeted(talk)
    _say(zero, "PLAIN", b"\0nobody\0guest")
    zero.take()
    zero.connection.ends()


def unknown_mechanism(talk: Talk) -> None:
    zero = _greeted(talk)
    _say(zero, "MAGIC", b"")
    zero.take()
    zero.connection.ends()


def plain_without_its_parts(talk: Talk) -> None:
    zero = _greeted(talk)
    _say(zero, "PLAIN", b"guest")
    zero.take()
    zero.connection.ends()


def plain_with_an_identity(talk: Talk) -> None:
    zero = _greeted(talk)
    _say(zero, "PLAIN", b"other\0guest\0guest")
    zero.take()


def amqplain(talk: Talk) -> None:
    zero = _greeted(talk)
    _say(zero, "AMQPLAIN", table({"LOGIN": "guest", "PASSWORD": "guest"})[4:])
    zero.take()


def amqplain_wrong_password(talk: Talk) -> None:
    zero = _greeted(talk)
    _say(zero, "AMQPLAIN", table({"LOGIN": "guest", "PASSWORD": "wrong"})[4:])
    zero.take()


def amqplain_without_password(talk: Talk) -> None:
    zero = _greeted(talk)
    _say(zero, "AMQPLAIN", table({"LOGIN": "guest"})[4:])
    zero.take()


def unknown_virtual_host(talk: Talk) -> None:
    talk.connection(vhost="nowhere").ends()


def empty_virtual_host(talk: Talk) -> None:
    talk.connection(vhost="").ends()


def smaller_frames(talk: Talk) -> None:
    zero = _tuned(talk)
    zero("connection.tune-ok", channel_max=10, frame_max=8192, heartbeat=0)
    zero("connection.open", virtual_host="/")


def larger_frames_than_proposed(talk: Talk) -> None:
    zero = _tuned(talk)
    zero("connection.tune-ok", channel_max=10, frame_max=1 << 20, heartbeat=0)
    zero.take()
    zero.connection.ends()


def frames_without_limit(talk: Talk) -> None:
    zero = _tuned(talk)
    zero("connection.tune-ok", channel_max=10, frame_max=0, heartbeat=0)
    zero("connection.open", virtual_host="/")


def frames_too_small(talk: Talk) -> None:
    zero = _tuned(talk)
    zero("connection.tune-ok", channel_max=10, frame_max=1000, heartbeat=0)
    zero.take()
    zero.connection.ends()


def more_channels_than_proposed(talk: Talk) -> None:
    zero = _tuned(talk)
    zero("connection.tune-ok", channel_max=65535, frame_max=131072, heartbeat=0)
    zero.take()
    zero.connection.ends()


def channels_without_limit(talk: Talk) -> None:
    zero = _tuned(talk)
    zero("connection.tune-ok", channel_max=0, frame_max=131072, heartbeat=0)
    zero.take()


def channel_beyond_the_limit(talk: Talk) -> None:
    zero = _tuned(talk)
    zero("connection.tune-ok", channel_max=2, frame_max=131072, heartbeat=0)
    zero("connection.open", virtual_host="/")
    for _ in range(3):
        zero.connection.channel()
    zero.connection.ends()


def open_before_it_is_tuned(talk: Talk) -> None:
    zero = _greeted(talk)
    zero.connection.client.method(0, "connection.open", virtual_host="/")
    zero.take()
    zero.connection.ends()


def method_of_a_channel_before_login(talk: Talk) -> None:
    zero = _greeted(talk)
    zero.connection.client.method(1, "channel.open")
    zero.take()
    zero.connection.ends()


def opened_twice(talk: Talk) -> None:
    connection = talk.connection()
    connection.zero()("connection.open", virtual_host="/")
    connection.ends()


def closed_politely(talk: Talk) -> None:
    connection = talk.connection()
    connection.channel()
    connection.zero()("connection.close", reply_code=200, reply_text="bye")


def closed_before_it_was_open(talk: Talk) -> None:
    zero = _tuned(talk)
    zero("connection.tune-ok", channel_max=10, frame_max=131072, heartbeat=0)
    zero("connection.close", reply_code=200)
    zero.connection.ends()


def new_secret(talk: Talk) -> None:
    connection = talk.connection()
    connection.zero()("connection.update-secret", new_secret="guest", reason="because")
    connection.channel()("basic.qos", prefetch_count=1)


def properties_of_a_strange_client(talk: Talk) -> None:
    zero = _greeted(talk)
    zero.connection.client.method(
        0,
        "connection.start-ok",
        client_properties={"product": 5, "capabilities": "none", "x": [Typed("D", (1, 5)), {}]},
        mechanism="PLAIN",
        response=b"\0guest\0guest",
        locale="xx_XX",
    )
    zero.take()


def heartbeats_are_sent_and_expected(talk: Talk) -> None:
    connection = talk.connection(heartbeat=1)
    connection.ends()
    talk.write(f"the server sent heartbeats: {connection.client.heartbeats > 0}")
