"""What very many MQTT subscriptions cost: `python benchmarks/micro/subscriptions.py [COUNT]`.

Clients of a thousand filters each: what a subscription takes of memory and time, what it takes to
find who gets a message among so many, and to start with them. Clean sessions are in memory only.
Times are of the processor.
"""

import gc
import resource
import secrets
import sys
import tempfile
from pathlib import Path
from time import process_time

from anymq.cluster.meta.embedded import LOG_CONFIG, LOG_ID, EmbeddedStore
from anymq.core.broker import Broker
from anymq.core.message import Envelope, Message, Run
from anymq.core.timers import Timers
from anymq.core.vhosts.place_limits import PlaceLimits
from anymq.net.clock import SystemClock
from anymq.protocols.amqp.properties import AMQP_FORM
from anymq.protocols.mqtt import kept
from anymq.protocols.mqtt.codec import Wish
from anymq.protocols.mqtt.form import MQTT_FORM, packed
from anymq.protocols.mqtt.kept import Kept
from anymq.protocols.mqtt.mailbox import NEVER, Mailbox, Subscribed
from anymq.protocols.mqtt.settings import MqttSettings
from anymq.storage.os_files import OsFiles
from anymq.storage.store import LogStore

EACH = 1000  # filters of one client
TOGETHER = 1  # in one packet: the worst case
MATCHES = 2000


class Room:
    """A broker on a real disk, and the mailboxes in it."""

    def __init__(self, directory: Path) -> None:
        clock = SystemClock()
        self.store = LogStore.open(OsFiles(directory), disk_free_min=0)
        journal = self.store.open_log(LOG_ID, LOG_CONFIG)
        self.broker = Broker(
            store=self.store,
            definitions=self.store.read_whole(journal, lambda: EmbeddedStore(journal, clock)),
            clock=clock,
            timers=Timers(),
            random=secrets.token_bytes,
            forms=(AMQP_FORM, MQTT_FORM),
        )
        self.broker.limit_places(PlaceLimits(bindings_max=10_000_000))
        log = self.store.open_log(kept.LOG_ID, kept.LOG_CONFIG)
        self.kept = Kept(self.store.read_whole(log, lambda: EmbeddedStore(log, clock)))
        self.mailboxes: list[Mailbox] = []

    def subscribe(self, client: str, filters: list[str], *, lasts: bool) -> None:
        """Do what MQTT's subscribing does, packet by packet."""
        settings = MqttSettings()
        mailbox = Mailbox(self.broker.vhost("/"), client, "guest", settings)
        mailbox.expiry_s = NEVER if lasts else 0
        for first in range(0, len(filters), TOGETHER):
            for name in filters[first : first + TOGETHER]:
                mailbox.add(Subscribed(Wish(name, 1)), kept.ignore)
            if lasts:
                some = mailbox.records_of(filters[first : first + TOGETHER])
                self.kept.put_session(mailbox.place, mailbox.record, kept.ignore, some)
        self.mailboxes.append(mailbox)
        self.commit()

    def restore(self) -> None:
        """Find the mailboxes again."""
        for place, record in self.kept.sessions():
            mailbox = Mailbox(self.broker.vhost("/"), place[1], record.user, MqttSettings())
            mailbox.restore(record, None)
            self.mailboxes.append(mailbox)

    def commit(self) -> None:
        """The disk has it."""
        self.broker.turn.run()
        while (commit := self.store.begin_commit()) is not None:
            commit.run()
            commit.done()

    def close(self) -> None:
        """End in peace."""
        self.broker.close()
        self.store.close()


def filters_of(client: int) -> list[str]:
    """A tenth with a `+`, a tenth with a `#`; each client has a floor of its own."""
    names = []
    for number in range(EACH):
        if number % 10 == 0:
            names.append(f"floor/{client}/room/{number}/+/t")
        elif number % 10 == 1:
            names.append(f"floor/{client}/room/{number}/#")
        else:
            names.append(f"floor/{client}/room/{number}/sensor/t")
    return names


def megabytes() -> float:
    """Return what the process takes now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


def match_us(room: Room, key: str) -> float:
    """Return what it takes to find who gets a message, on a way that is not known yet."""
    publishing = room.broker.vhost("/").publishing
    properties = packed(1, "", {})
    envelopes = [Envelope("amq.topic", key, MQTT_FORM) for _ in range(MATCHES)]
    runs = [Run([Message(one, properties, b"", 0)], persistent=True) for one in envelopes]
    exchange = room.broker.vhost("/").exchange("amq.topic")
    start = process_time()
    found = [publishing.ways.find(exchange, (key,), run.messages[0]) for run in runs]
    seconds = process_time() - start
    assert all(len(targets) == 1 for targets, _ in found)
    return seconds / MATCHES * 1e6


def settle() -> None:
    """Collect garbage as a server does that has started."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    gc.enable()


def measure(count: int, directory: Path, *, lasts: bool) -> None:
    """Print a line for so many."""
    room = Room(directory)
    settle()
    before, start = megabytes(), process_time()
    for client in range(count // EACH):
        room.subscribe(f"c{client}", filters_of(client), lasts=lasts)
    seconds = process_time() - start
    gc.collect()
    each = (megabytes() - before) * 1e6 / count
    matches = [
        match_us(room, key)
        for key in ("floor.0.room.2.sensor.t", "floor.0.room.10.x.t", "floor.0.room.11.a.b.c")
    ]
    room.close()
    del room
    gc.unfreeze()
    gc.collect()
    restart = ""
    if lasts:
        gc.disable()  # as a server does that starts
        start = process_time()
        again = Room(directory)
        again.restore()
        restart = f"{process_time() - start:7.1f}"
        assert sum(len(one.subscriptions) for one in again.mailboxes) == count
        again.close()
    shown = " ".join(f"{one:6.1f}" for one in matches)
    kind = "kept" if lasts else "clean"
    print(f"{kind:5} {count:9,} {each:8.0f} {seconds / count * 1e6:8.1f}  {shown} {restart}")


def main() -> None:
    """Print what so many cost, and a tenth, and a hundredth of them."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    print("      subscribed  bytes each  µs each  µs to match: exact, +, #; s to start")
    for lasts in (False, True):
        for part in (100, 10, 1):
            with tempfile.TemporaryDirectory() as directory:
                measure(count // part, Path(directory), lasts=lasts)


if __name__ == "__main__":
    main()
