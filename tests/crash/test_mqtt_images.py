"""Crash images of MQTT: whatever a kill or a power cut leaves, QoS 2 brings each message once.

Clients stay, the broker dies at every system call; they come back to what is left of it.
"""

from copy import deepcopy
from dataclasses import dataclass, field
from random import Random

import pytest

from anymq.protocols.mqtt import leaving
from anymq.protocols.mqtt.codec import V311, Packet, Subscribe, Wish, encode
from anymq.testing.mqtt import MqttDialog, MqttRoom
from anymq.testing.simfs import SimFiles
from tests.crash.dying import Dying
from tests.crash.once_model import Publisher, Subscriber
from tests.crash.seeds import EFFORT, run_loads

IMAGES = 200 * EFFORT
PARTS = 2
KILLED_SHARE = 0.5
MESSAGES = 12
UNDER_WAY = 3
FILTERS = ("t/#", "t/+", "+/+")  # of a subscriber each: all get everything
Client = Publisher | Subscriber


@dataclass
class Scene:
    """One publisher, and subscribers with queues of their own."""

    rng: Random
    sent: list[bytes]
    publisher: Publisher = field(default_factory=lambda: Publisher(UNDER_WAY))
    subscribers: list[Subscriber] = field(default_factory=lambda: [Subscriber() for _ in FILTERS])

    @property
    def clients(self) -> list[Client]:
        return [self.publisher, *self.subscribers]

    @property
    def complete(self) -> bool:
        """Is there nothing that somebody waits for?"""
        publisher = self.publisher
        return not publisher.waiting and not publisher.under_way

    def check(self) -> None:
        for one in self.subscribers:
            assert sorted(one.got) == sorted(self.sent), (one.got, self.sent)


class Life:
    """The scene with one broker, until that dies."""

    def __init__(self, scene: Scene, files: SimFiles) -> None:
        self.scene = scene
        self.room = MqttRoom(files=files)
        self.dialogs = [
            self.room.connect(f"c{number}", V311, clean=False)
            for number, _ in enumerate(scene.clients)
        ]
        for filter_, dialog in zip(FILTERS, self.dialogs[1:], strict=True):
            if not dialog.connack or not dialog.connack.session_present:
                dialog >> Subscribe(1, [Wish(filter_, 2)])
                dialog.packets()
        self._heard = [dialog.early for dialog in self.dialogs]
        for said in scene.publisher.resume():
            self.say(self.dialogs[0], said)

    def say(self, dialog: MqttDialog, packet: Packet) -> None:
        dialog.feed(encode(packet, V311))

    def run(self) -> None:
        """Let all of them talk until nothing is left to say."""
        while self.talk():
            pass

    def talk(self) -> bool:
        """Let some say what they have to, the disk do its work or not."""
        scene, moved = self.scene, False
        for packet in scene.publisher.publish():
            self.say(self.dialogs[0], packet)
            moved = True
        everybody = list(zip(scene.clients, self.dialogs, self._heard, strict=True))
        scene.rng.shuffle(everybody)
        for client, dialog, early in everybody:
            packets = [*early, *dialog.packets()]
            early.clear()
            for packet in client.hear(packets):
                self.say(dialog, packet)
                if scene.rng.random() < 0.3:
                    self.room.settle(*self.dialogs)
            moved = moved or bool(packets)
        self.room.settle(*self.dialogs)
        if scene.rng.random() < 0.3 and (work := self.room.store.begin_sync()) is not None:
            work.run()
            work.done()
        return moved or not scene.complete


def crash_everywhere(seed: int, images_max: int) -> int:
    """Run one load; at each system call let the broker die, and all go on. Return how many."""
    sent = [b"%d" % number for number in range(MESSAGES)]
    scene, files = Scene(Random(seed), sent), SimFiles()
    life = Life(scene, files)
    scene.publisher.waiting.extend((f"t/{number % 2}", b) for number, b in enumerate(sent))

    def look(image: SimFiles, rng: Random, _: bool) -> None:
        go_on(deepcopy(scene), image, rng)

    dying = Dying(files, seed, images_max, look, killed=KILLED_SHARE)
    life.run()
    count = dying.end(looking=False)
    for one in scene.subscribers:
        assert one.got == sent, "not in order"
    return count


def go_on(scene: Scene, image: SimFiles, rng: Random) -> None:
    """Come back to what is left; and perhaps the broker dies once more."""
    life = Life(scene, image)
    if rng.random() < 0.5:
        for _ in range(rng.randrange(4)):
            life.talk()
        image = image.killed() if rng.random() < KILLED_SHARE else image.crash(rng)
        life = Life(scene, image)
    life.run()
    scene.check()


@pytest.mark.timeout(180 * EFFORT)
@pytest.mark.parametrize("part", range(PARTS))
def test_each_message_of_qos_2_comes_once(part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who publishes money transfers by MQTT relies on it."""
    monkeypatch.setattr(leaving, "AT_ONCE", 2)
    run_loads(f"mqtt images {part}", IMAGES // PARTS, crash_everywhere)
