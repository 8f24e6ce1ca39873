"""Limits of virtual hosts and users, as AMQP clients meet them."""

import pytest

from anymq.protocols.amqp import methods
from anymq.testing.amqp import AmqpDialog, AmqpRoom


@pytest.fixture
def room() -> AmqpRoom:
    return AmqpRoom()


def refusal(client: AmqpDialog) -> str:
    """Return what it was told at the end."""
    closes = [one for _, one in client.answers() if isinstance(one, methods.ConnectionClose)]
    (close,) = closes
    assert close.reply_code == 530
    return close.reply_text


def another(room: AmqpRoom) -> AmqpDialog:
    """Return a client that has asked to be let in; whether it was is for its caller to see."""
    client = room.dialog()
    client.greet()
    client.start_ok()
    client.answers()
    client >> (0, methods.ConnectionTuneOk(10, 131_072, 0)) >> (0, methods.ConnectionOpen("/"))
    return client


def inside(room: AmqpRoom) -> AmqpDialog:
    return room.dialog().log_in()


def test_a_virtual_host_takes_so_many_connections(room: AmqpRoom) -> None:
    room.broker.policies.put_limit("/", "max-connections", 1)
    first = inside(room)
    assert refusal(another(room)) == (
        "NOT_ALLOWED - access to vhost '/' refused for user 'guest': "
        "connection limit (1) is reached"
    )

    first.hang_up()
    inside(room)


def test_a_user_has_so_many_connections(room: AmqpRoom) -> None:
    room.broker.presence.limits.put("guest", {"max-connections": 0})
    assert refusal(another(room)) == (
        "NOT_ALLOWED - connection refused for user 'guest': user connection limit (0) is reached"
    )


def test_a_user_has_so_many_channels_on_all_connections(room: AmqpRoom) -> None:
    room.broker.presence.limits.put("guest", {"max-channels": 2})
    first = inside(room).open(1)
    second = inside(room).open(1)
    second >> (2, methods.ChannelOpen())
    assert refusal(second) == (
        "NOT_ALLOWED - number of channels opened for user 'guest' has reached "
        "the maximum allowed user limit of 2"
    )

    first >> (1, methods.ChannelClose(200, "", 0, 0))
    room.go_on(first)
    first.answers()
    first >> (1, methods.ChannelOpen()) >> (2, methods.ChannelOpen())
    assert first.answers() == [(1, methods.ChannelOpenOk()), (2, methods.ChannelOpenOk())]
