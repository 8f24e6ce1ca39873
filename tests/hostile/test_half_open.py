"""Peers whose machine is gone: no byte comes, and none says goodbye. (AMQP's: test_amqp_floods.)"""

from collections.abc import Iterator
from typing import TypeVar

import pytest

from anymq.protocols.mqtt.codec import Packet, Puback, Publish, Suback, Subscribe, Will, Wish
from tests.crash.kill_mqtt_load import Link
from tests.differential.amqp.client import Closed
from tests.hostile.room import running, wait_until
from tests.hostile.stomp import StompClient
from tests.peers.process import free_ports

pytestmark = pytest.mark.xdist_group("hostile-half-open")

COUNT = 20
P = TypeVar("P")


@pytest.fixture(scope="module")
def ports() -> Iterator[dict[str, int]]:
    names = ("mqtt", "stomp")
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    with running({f"{name}.port": port for name, port in ports.items()}):
        yield ports


def heard(link: Link, kind: type[P], count: int) -> list[P]:
    """So many of these, and nothing else."""
    packets: list[Packet] = []
    while len(packets) < count:
        packets += link.hear()
    found: list[P] = [each for each in packets if isinstance(each, kind)]
    assert len(found) == len(packets) == count, packets
    return found


def is_left(link: Link) -> bool:
    try:
        link.hear()
    except (Closed, ConnectionError):
        return True
    return False


def test_mqtt_leaves_it_publishes_its_will_and_sends_again(ports: dict[str, int]) -> None:
    """One and a half of its keep-alive, as the specification says."""
    listener, writer = (Link(name, ports["mqtt"]) for name in ("listener", "writer"))
    listener.say([Subscribe(1, [Wish("wills", 1)])])
    heard(listener, Suback, 1)
    peer = Link("peer", ports["mqtt"], keep_alive=1, will=Will("wills", b"gone", 1))
    peer.say([Subscribe(1, [Wish("work", 1)])])
    heard(peer, Suback, 1)
    writer.say(Publish("work", b"%d" % number, 1, number) for number in range(1, COUNT + 1))
    heard(writer, Puback, COUNT)
    first = heard(peer, Publish, COUNT)

    [will] = heard(listener, Publish, 1)
    assert will.payload == b"gone"
    wait_until(lambda: is_left(peer))
    peer.close()

    back = Link("peer", ports["mqtt"])
    again = heard(back, Publish, COUNT)
    assert [each.payload for each in again] == [each.payload for each in first]
    assert all(each.dup for each in again)
    back.say(Puback(each.packet_id) for each in again)
    writer.say([Publish("work", b"the end", 1, 1)])
    [last] = heard(back, Publish, 1)
    assert last.payload == b"the end", "each came again once"
    for link in (listener, writer, back):
        link.close()


def test_stomp_leaves_it_and_what_it_held_comes_once(ports: dict[str, int]) -> None:
    """Twice what it promised."""
    boss, peer = StompClient(ports["stomp"]).log_in(), StompClient(ports["stomp"])
    peer.say("CONNECT", accept_version="1.2", host="/", heart_beat="1000,0")
    assert peer.hear().command == "CONNECTED"
    work = "/queue/work"
    peer.say("SUBSCRIBE", id="1", ack="client", receipt="there", destination=work)
    assert peer.hear().command == "RECEIPT"
    for number in range(COUNT):
        boss.say("SEND", b"%d" % number, destination=work)
    first = [peer.hear() for _ in range(COUNT)]

    boss.say("SUBSCRIBE", id="1", ack="client", destination=work)
    again = [boss.hear() for _ in range(COUNT)]
    assert [each.body for each in again] == [each.body for each in first]
    assert all(each.headers["redelivered"] == "true" for each in again)
    boss.say("ACK", id=again[-1].headers["ack"])
    boss.say("SEND", b"the end", destination=work)
    assert boss.hear().body == b"the end", "each came again once"
    assert "heart-beat" in peer.ends()
    for client in (boss, peer):
        client.abort()
