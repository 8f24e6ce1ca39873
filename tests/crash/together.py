"""Clients of all protocols at once. `ANYMQ_KILL_LOADS=kafka,amqp` has only these come."""

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from random import Random

from tests.crash.kill_amqp_load import AmqpLoad
from tests.crash.kill_load import KafkaLoad
from tests.crash.kill_mqtt_load import MqttLoad
from tests.crash.kill_rocketmq_load import RocketMqLoad
from tests.crash.kill_stomp_load import StompLoad
from tests.crash.seeds import BASE
from tests.crash.worker import Load
from tests.peers.anymq import AnymqServer, Value
from tests.peers.choose import PEER, Server
from tests.peers.process import free_ports

LOADS: Mapping[str, Callable[[Server, Random], Load]] = {
    "kafka": lambda server, _: KafkaLoad(server.bootstrap),
    "amqp": lambda server, chance: AmqpLoad(_port(server, "amqp"), chance),
    "mqtt": lambda server, _: MqttLoad(_port(server, "mqtt")),
    "stomp": lambda server, _: StompLoad(_port(server, "stomp"), "tasks"),
    "rocketmq": lambda server, _: RocketMqLoad(_port(server, "rocketmq"), "prices", queues=4),
}
CHOSEN = os.environ.get("ANYMQ_KILL_LOADS", ",".join(LOADS) if PEER == "anymq" else "kafka")
log = logging.getLogger(__name__)


def settings() -> dict[str, Value]:
    """Ports that outlive the process; and kills also fall on the moment a new file begins."""
    names = ("mqtt.port", "stomp.port", "rocketmq.port")
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    return {"storage.segment_bytes": 256 * 1024, **ports}


def _port(server: Server, protocol: str) -> int:
    assert isinstance(server, AnymqServer)
    return server.amqp_port if protocol == "amqp" else int(server.settings[f"{protocol}.port"])


@contextmanager
def all_at_once(
    server: Server, chance: Random, *, settled_stays: bool = True
) -> Iterator[Sequence[Load]]:
    """They work while the block lasts; then what they have seen is judged."""
    loads = {name: LOADS[name](server, chance) for name in CHOSEN.split(",")}
    with ExitStack() as stack:
        for load in loads.values():
            load.start()
            stack.callback(load.stop)
        yield list(loads.values())
    for name, load in loads.items():
        try:
            log.info("%s: %s", name, load.judge(settled_stays=settled_stays))
        except AssertionError as error:
            raise AssertionError(f"{name}, ANYMQ_SEED={BASE}: {error}") from error


def work(loads: Sequence[Load], cycle: int, chance: Random) -> None:
    """All of them, until some have done a part of what they may: the rest is in the middle.

    Publishers: consumers may have all there is, and get more only when these may go on.
    """
    wanted = []
    for load in chance.sample(loads, chance.randint(1, len(loads))):
        someone = chance.choice(load.publishers)
        wanted.append((someone, someone.done + chance.randint(1, load.ration // 2)))
    for load in loads:
        load.newcomer(cycle)
        for publisher in load.publishers:
            publisher.allow(load.ration)
    for someone, done in wanted:
        someone.wait_until(done)
