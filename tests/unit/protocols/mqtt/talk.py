"""What most conversations with MQTT sessions need."""

from anymq.protocols.mqtt.codec import Publish, Suback, Subscribe, Wish
from anymq.protocols.mqtt.properties import NOTHING, Props
from anymq.testing.mqtt import MqttDialog, MqttRoom
from anymq.testing.simfs import SimFiles

DAY_S = 86_400


def subscribed(client: MqttDialog, *wishes: Wish, properties: Props = NOTHING) -> None:
    """Subscribe, and be let."""
    client >> Subscribe(1, wishes, properties)
    assert client.only() == Suback(1, [one.qos for one in wishes])


def messages(client: MqttDialog) -> list[Publish]:
    """Return the messages that came; nothing else did."""
    packets = client.packets()
    assert all(isinstance(one, Publish) for one in packets), packets
    return [one for one in packets if isinstance(one, Publish)]


def payloads(client: MqttDialog) -> list[bytes]:
    """Return what is in the messages that came."""
    return [one.payload for one in messages(client)]


def killed(room: MqttRoom) -> MqttRoom:
    """Return the room after a `kill -9`: with what the disk has."""
    files = room.files
    assert isinstance(files, SimFiles)
    return MqttRoom(room.mqtt.settings, files=files.killed())
