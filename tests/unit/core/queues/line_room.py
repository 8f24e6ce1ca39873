"""A line on a real store over a simulated disk; `turn` is what the broker does at its end."""

from collections.abc import Sequence
from dataclasses import replace

from tests.unit.storage.stores import do, open_store

from anymq.core.message import Envelope, Message, Properties, Run, Traits
from anymq.core.queues.delivery import Delivery
from anymq.core.queues.line import Line
from anymq.core.queues.lines import Lines
from anymq.core.queues.memory import Memory
from anymq.storage.log import Durability, LogConfig
from anymq.storage.store import LogStore
from anymq.testing.simfs import SimFiles

LINE = 20
SMALL = LogConfig(segment_bytes=2000, index_interval_bytes=300, delete=False, thinned=True)
LOOSE = replace(SMALL, durability=Durability.OS)


class PlainForm:
    """A form whose properties say nothing."""

    number = 1

    def traits(self, properties: bytes) -> Traits:
        return Traits()

    def read(self, properties: bytes) -> Properties:
        return Properties()

    def write(self, properties: Properties) -> bytes:
        return b""


FORM = PlainForm()
ENVELOPE = Envelope("orders", "new", FORM)


def run_of(*bodies: bytes, persistent: bool = True, properties: bytes = b"p") -> Run:
    messages = [Message(ENVELOPE, properties, body, 1000) for body in bodies]
    return Run(messages, persistent=persistent)


def bodies(deliveries: Sequence[Delivery]) -> list[bytes]:
    return [one.message.body for one in deliveries]


def positions(deliveries: Sequence[Delivery]) -> list[int]:
    return [one.position for one in deliveries]


class Room:
    """One life of the broker after another, on the same disk."""

    def __init__(self, *, durable: bool = True, line_bytes: int = 10**6) -> None:
        self.files = SimFiles()
        self.durable = durable
        self.line_bytes = line_bytes
        self.told: list[Exception | None] = []
        self._start()

    def _start(self) -> None:
        self.store: LogStore = open_store(self.files)
        self.memory = Memory(line_bytes=self.line_bytes)
        self.lines = Lines(self.store, {1: FORM}, memory=self.memory)
        config = SMALL if self.durable else LOOSE
        self.line: Line = self.lines.line(LINE, durable=self.durable, config=config)

    def push(self, *bodies: bytes, persistent: bool = True) -> None:
        self.line.push(run_of(*bodies, persistent=persistent), self.told.append)

    def turn(self) -> None:
        self.line.flush()
        self.lines.flush()
        do(self.store.begin_commit())

    def tick(self) -> None:
        do(*self.store.maintenance(1_000_000))
        self.lines.tick()

    def restart(self) -> None:
        """Stop and start again."""
        self.lines.close()
        self.store.close()
        self._start()

    def kill(self) -> None:
        """As by kill -9: what was written is in the page cache."""
        self.files = self.files.killed()
        self._start()

    def all(self) -> list[Delivery]:
        """Take everything that is ready."""
        found: list[Delivery] = []
        while some := self.line.take(100, 10**9):
            found += some
        return found
