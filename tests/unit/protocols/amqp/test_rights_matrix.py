"""Every operation by every combination of rights: what RabbitMQ answers, we answer."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tests.unit.protocols.amqp import rights_matrix as matrix
from tests.unit.protocols.amqp.dialog import Client, World

from anymq.protocols.amqp import methods
from anymq.protocols.amqp.methods import Method

GOLDEN = json.loads(Path(__file__).with_name("rights_matrix.json").read_text())["said"]
ENDS = methods.BasicQosOk | methods.ChannelClose | methods.ConnectionClose


class Speaker:
    """One user, who comes back when it is thrown out."""

    def __init__(self, world: World, user: str) -> None:
        self._world = world
        self._user = user
        self._client = self._connect()

    def ask(self, data: bytes) -> list[Method]:
        """Say this on channel 1; hear until qos-ok, or a close."""
        self._client.feed(data)
        heard: list[Method] = []
        while not heard or not isinstance(heard[-1], ENDS):
            heard.append(self._client.hear_any())
        self._client.hang_up()
        self._world.clients.remove(self._client)
        self._client = self._connect()
        return heard

    def _connect(self) -> Client:
        client = Client(self._world)
        client.log_in(response=f"\0{self._user}\0{matrix.PASSWORD}".encode())
        client.open()
        self._world.clients.append(client)
        return client


@cache
def answers() -> dict[str, dict[str, list[str]]]:
    """Let everybody try everything."""
    world = World()
    users = world.broker.users
    everybody = {
        "root": (".*", ".*", ".*"),
        **{each.name: each.patterns for each in matrix.users()},
    }
    for name, rights in everybody.items():
        users.put(name, password_hash=matrix.password_hash())
        users.set_permissions(name, "/", *rights)
        if name != "root":
            users.set_topic_permissions(name, "/", "amq.topic", matrix.KEYS, matrix.KEYS)
    root = Speaker(world, "root")
    said = {}
    for user in matrix.users():
        client = Speaker(world, user.name)
        for operation in matrix.OPERATIONS:
            said[operation, user.name] = matrix.outcome(root, client, user, operation)
    return matrix.grouped(said)


@pytest.mark.parametrize("operation", matrix.OPERATIONS)
def test_who_may_do_it_and_what_others_are_told(operation: str) -> None:
    """Scripts match these texts; and whoever RabbitMQ keeps out must not come in here."""
    expected: Any = GOLDEN[operation]
    assert answers()[operation] == expected
