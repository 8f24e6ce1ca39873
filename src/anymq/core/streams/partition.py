"""Partition: one log of a topic, and who writes and waits there."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from typing_extensions import override

from anymq.config.units import KIB
from anymq.core.streams import admission, rewriting
from anymq.core.streams.errors import PolicyViolation
from anymq.core.streams.producers import Producers
from anymq.core.streams.topic_config import TopicConfig
from anymq.observability.log import Log as Lines
from anymq.storage.batch import BatchHeader
from anymq.storage.errors import OffsetOutOfRange
from anymq.storage.files import Buffer
from anymq.storage.found import Found
from anymq.storage.log import Log, Then

log = Lines(__name__)

NO_TIMESTAMP = -1
RECORD_BYTES_MAX = 2 * KIB  # of a record, as far as readers expect anything
HIGH_WATERMARK = -1  # DeleteRecords: "everything there is now"


class AppendResult(NamedTuple):
    """Where a batch went, or where it was already."""

    base_offset: int
    log_append_time_ms: int  # -1: the records keep the producer's time
    log_start: int


class Audience(Protocol):
    """Who hears of every batch that comes from outside."""

    def appended(self, batch: Buffer, header: BatchHeader, then: Then | None) -> Then | None:
        """This batch is in the log now. Return whom to tell when it is durable: `then`, or who
        tells that one later.
        """


class Partition:
    """One partition of a topic."""

    __slots__ = (
        "__weakref__",
        "_config",
        "_producers",
        "_waiters",
        "audience",
        "index",
        "leader_epoch",
        "log",
        "record_bytes",
        "topic_name",
    )

    def __init__(
        self, topic_name: str, index: int, log: Log, config: TopicConfig, leader_epoch: int
    ) -> None:
        self.topic_name = topic_name
        self.index = index
        self.log = log
        self.leader_epoch = leader_epoch
        self.audience: Audience | None = None
        self.record_bytes = RECORD_BYTES_MAX  # of those read last: who wants few reads little
        self._config = config
        self._producers: Producers | None = None  # read from the log when first needed
        self._waiters: dict[Callable[[], None], None] = {}
        log.on_visible = self.wake
        log.on_rollback = self._forget_producers
        log.state_source = self._snapshot

    @override
    def __repr__(self) -> str:
        return f"Partition({self.topic_name}-{self.index}, {self.start}..{self.visible_end})"

    @property
    def start(self) -> int:
        """The first offset that is kept."""
        return self.log.start

    @property
    def visible_end(self) -> int:
        """How far readers may see: Kafka's high watermark."""
        return self.log.visible_end

    @property
    def last_stable(self) -> int:
        """How far no transaction is open. There are none yet, so it is what readers may see."""
        return self.log.visible_end

    @property
    def producers(self) -> Producers:
        """Who has written here."""
        if self._producers is None:
            self._producers = self._read_producers()
        return self._producers

    def append(
        self,
        batch: Buffer,
        header: BatchHeader,
        now_ms: int,
        then: Then | None,
        *,
        announce: bool = True,
    ) -> AppendResult:
        """Add a batch of a client; `then` is called once it is as durable as the topic promises.

        `announce`: the audience is to hear of it, whom it does not reach on other ways.

        `header` is what `batch.check` returned, which verified the checksum: here nobody does it
        again. A batch that is here already, because its producer tries again, is not added: `then`
        waits for the first one. `core.errors.Refused` or StorageError: it is not here.
        Hot: benchmarks/micro/append.py.
        """
        config = self._config
        admission.check(header, len(batch), config, now_ms)
        producers = self._producers
        if producers is None:
            producers = self.producers
        if header.producer_id >= 0:
            earlier = producers.duplicate_of(header)
            if earlier is not None:
                return self._again(earlier, header, then)
        log_append_time_ms = NO_TIMESTAMP
        if not config.keeps_as_sent:
            batch, header = rewriting.prepare(batch, header, config, now_ms)
            log_append_time_ms = now_ms if config.log_append_time else NO_TIMESTAMP
        log = self.log
        offset = log.append(batch, header, self.leader_epoch)
        if header.producer_id >= 0:
            producers.add(header, offset, now_ms)
        if announce and self.audience is not None:
            then = self.audience.appended(batch, header, then)
        if then is not None:
            log.when_durable(offset + header.last_offset_delta, then)
        return AppendResult(offset, log_append_time_ms, log.start)

    def read(self, offset: int, bytes_max: int, *, at_least_one: bool = True) -> Found | None:
        """Return where the batches from `offset` on are; None when there is nothing yet."""
        return self.log.read(offset, bytes_max, at_least_one=at_least_one)

    def watch(self, waiter: Callable[[], None]) -> None:
        """Call `waiter` each time readers may see further, until `unwatch`."""
        self._waiters[waiter] = None

    def unwatch(self, waiter: Callable[[], None]) -> None:
        """Call it no more; harmless when it is not watching."""
        self._waiters.pop(waiter, None)

    def wake(self) -> None:
        """There may be something to read: tell all who wait."""
        if self._waiters:
            for waiter in tuple(self._waiters):
                if waiter in self._waiters:  # else one before it had it stop
                    self._tell(waiter)

    def _tell(self, waiter: Callable[[], None]) -> None:
        try:
            waiter()
        except Exception:  # a bug of one who waited must not keep the news from the others
            log.exception("a reader that waited failed", topic=self.topic_name)

    def epoch_end(self, leader_epoch: int) -> tuple[int, int]:
        """Return (epoch, end offset) of the newest epoch up to this one; (-1, -1) when unknown."""
        if leader_epoch == self.leader_epoch:  # even if nothing was written in it yet
            return leader_epoch, self.log.visible_end
        if leader_epoch > self.leader_epoch:
            return -1, -1
        return self.log.epoch_end(leader_epoch)

    def offset_to_delete(self, offset: int) -> int:
        """Return where the log would start if records before `offset` went; or refuse."""
        if not self._config.deletable:
            raise PolicyViolation(
                f"records of {self.topic_name}-{self.index} go by compaction only (cleanup.policy)"
            )
        end = self.log.visible_end
        if offset == HIGH_WATERMARK:
            return end
        if not 0 <= offset <= end:
            raise OffsetOutOfRange(f"{offset} is not within 0..{end}")
        return max(offset, self.log.start)

    def configure(self, config: TopicConfig) -> None:
        """Use another config from now on."""
        self._config = config
        self.log.config = config.log

    def expire_producers(self, before_ms: int) -> int:
        """Forget producers that have written nothing since; return how many there were."""
        if self._producers is None:
            return 0
        there_were = len(self._producers)
        self._producers.expire(before_ms)
        return there_were

    def _again(self, earlier: int, header: BatchHeader, then: Then | None) -> AppendResult:
        """Answer a batch that is here already; not before the first one is safe."""
        if then is not None:
            self.log.when_durable(earlier + header.last_offset_delta, then)
        return AppendResult(earlier, NO_TIMESTAMP, self.log.start)

    def _read_producers(self) -> Producers:
        """Rebuild them from what is kept beside the log, and the batches after that."""
        offset, producers = self._saved_producers()
        while offset < self.log.end and (headers := self.log.headers(offset)):
            producers.replay(headers)
            offset = headers[-1].next_offset
        return producers

    def _saved_producers(self) -> tuple[int, Producers]:
        offset, saved = self.log.saved_state() or (0, b"")
        producers = Producers.restore(saved)
        # From before the first batch that is left: what was between is not known, and a producer
        # that wrote there would seem to leave something out. Unknown ones may begin anywhere.
        if producers is None or offset < self.log.start:
            return self.log.start, Producers()
        return offset, producers

    def _snapshot(self) -> bytes:
        return self.producers.snapshot()

    def _forget_producers(self) -> None:
        """Appends were lost: what was noted of them must go too."""
        self._producers = None
