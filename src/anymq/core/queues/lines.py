"""Lines: all lines of one broker, with what they share: journal, memory, how to read messages."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from anymq.core.message import Form
from anymq.core.queues import journal as journals
from anymq.core.queues import stored
from anymq.core.queues.journal import Journal
from anymq.core.queues.line import Line
from anymq.core.queues.loading import Loader
from anymq.core.queues.memory import Memory
from anymq.core.queues.progress import Progress
from anymq.core.queues.settlement import Settlement
from anymq.core.queues.stored import Reader
from anymq.core.queues.witness import Witness
from anymq.core.streams.logs import Logs
from anymq.storage.batch import BatchHeader
from anymq.storage.errors import LogUnknown, StorageError
from anymq.storage.log import Durability, Log, LogConfig
from anymq.storage.work import Work

_INDEX_BYTES = 16 * 1024  # lines are read in long pieces: a sparse index does, and takes less
DURABLE_LOG = LogConfig(delete=False, thinned=True, index_interval_bytes=_INDEX_BYTES)
OTHER_LOG = replace(DURABLE_LOG, durability=Durability.OS)


class Lines:
    """Opens them, and does what is done once for all."""

    def __init__(
        self,
        store: Logs,
        forms: Mapping[int, Form],
        *,
        memory: Memory | None = None,
        durability: Durability = Durability.COMMIT,
        borrowed: Collection[int] = (),
    ) -> None:
        """Open the settlement journal and read it. `forms`: by the number that is on disk.

        `borrowed`: what has no log of its own, and is kept all the same: see shares/kept.py.
        """
        self.memory = memory or Memory()
        self.witness = Witness()
        self._durable_log = replace(DURABLE_LOG, durability=durability)
        self._store = store
        self._reader = Reader(forms)
        self._lines: dict[int, Line] = {}
        self._durable: dict[int, Log] = {}  # those that follow `use`
        self._followers: list[Log] = []  # so do these
        log = store.open_log(journals.LOG_ID, journals.LOG_CONFIG)
        self._journal = Journal(log)
        self.progress = Progress(self._journal, log)
        store.read_whole(log, self._journal.restore)
        self._forget_what_is_gone(borrowed)

    def line(self, log_id: int, *, durable: bool = True, config: LogConfig | None = None) -> Line:
        """Open the line that owns this log: new, or as it was left. Once for each id."""
        assert log_id not in self._lines
        log = self._store.open_log(log_id, config or (self._durable_log if durable else OTHER_LOG))
        if durable and config is None:
            self._durable[log_id] = log
        settlement = self._journal.settlement(log_id) if durable else Settlement(log_id)
        loader = Loader(log, self._reader)
        self._store.read_whole(log, lambda: _count(loader, settlement))
        line = Line(loader, settlement, self.memory, durable=durable, witness=self.witness)
        self._lines[log_id] = line
        return line

    def use(self, durability: Durability) -> None:
        """From now on, what is confirmed is as safe as this says: in lines that last."""
        self._durable_log = replace(DURABLE_LOG, durability=durability)
        for log in self._durable.values():
            log.config = self._durable_log
        for log in self._followers:
            self._let_follow(log)

    def follow(self, log: Log) -> None:
        """Let a log that is no line's promise the same, now and later."""
        self._followers.append(log)
        self._let_follow(log)

    def _let_follow(self, log: Log) -> None:
        log.config = replace(log.config, durability=self._durable_log.durability)

    def settlement(self, log_id: int) -> Settlement:
        """Return what is settled of a log that is no line, but is kept as one: see delays.py."""
        return self._journal.settlement(log_id)

    def release(self, log_id: int) -> None:
        """Forget what is settled of what is no line."""
        self._journal.forget(log_id)

    def delete(self, log_id: int) -> Work:
        """Forget the line and what is settled there; the work removes its files."""
        self._forget(log_id)
        return self._store.delete(log_id)

    def abandon(self, log_id: int, why: Exception) -> None:
        """Let go of a line whose definition the disk did not keep, and why it did not."""
        self._forget(log_id, LogUnknown(str(why)))
        self._store.abandon(log_id, why)

    def _forget(self, log_id: int, error: StorageError | None = None) -> None:
        self._durable.pop(log_id, None)
        line = self._lines.pop(log_id, None)
        if line is not None:
            line.let_go(error)
        self._journal.forget(log_id)

    def flush(self) -> None:
        """Journal what was settled. After the lines were flushed."""
        self._journal.flush()

    @property
    def has_news(self) -> bool:
        """Has something changed that the journal does not know?"""
        return self._journal.has_news

    def when_written(self, then: Callable[[StorageError | None], None]) -> None:
        """Call `then` when everything settled so far survives our death (kill -9)."""
        self._journal.when_written(then)

    def tick(self) -> None:
        """Do what is to be done now and then: about once a second."""
        self._journal.flush()
        stuck, self._reader.stuck = self._reader.stuck, set()
        for log_id in stuck:
            if log_id in self._lines:
                self._lines[log_id].on_ready()
        if self.memory.used > self.memory.total_bytes:
            for line in list(self._lines.values()):
                line.flush()

    def close(self) -> None:
        """The end is near: leave everything exact. Then the store is to be closed."""
        for line in self._lines.values():
            line.close()
        self._journal.flush()

    def _forget_what_is_gone(self, borrowed: Collection[int]) -> None:
        there = {*self._store.ids(), *borrowed}
        for log_id in self._journal.ids():
            if log_id not in there:
                self._journal.forget(log_id)


def _count(loader: Loader, settlement: Settlement) -> None:
    """Take in what went to the log after the journal last counted: bytes, and missing positions.

    What is missing was settled: before it was written, or it was cleaned away.
    """
    log = loader.log
    if settlement.counted_to > log.end:
        _count_again(loader, settlement)
        return
    at, size = max(settlement.counted_to, log.start), 0
    while headers := log.headers(at):
        for header in headers:
            _settle_missing(settlement, at, header.base_offset)
            at = header.next_offset
            if header.record_count == header.last_offset_delta + 1:
                size += stored.size_of(header)
            else:
                size += _look_into(loader, settlement, header)
    _settle_missing(settlement, at, log.end)
    settlement.append(log.end, size)


def _count_again(loader: Loader, settlement: Settlement) -> None:
    """The journal has counted messages that the disk did not keep: count those that there are."""
    log, settled = loader.log, settlement.settled
    at, size = log.start, 0
    while headers := log.headers(at):
        for header in headers:
            _settle_missing(settlement, at, header.base_offset)
            first, at = header.base_offset, header.next_offset
            done = settled.count(first, at)
            if not done and header.record_count == at - first:
                size += stored.size_of(header)
            elif done < at - first:
                size += _unsettled_in(loader, settlement, header)
    _settle_missing(settlement, at, log.end)
    settlement.recount(log.end, size)


def _unsettled_in(loader: Loader, settlement: Settlement, header: BatchHeader) -> int:
    """Return the bytes of the bodies in a batch that are needed; settle what it leaves out."""
    settled, gone = settlement.settled, 0
    found = loader.load(header.base_offset) if header.record_count else None
    for position, message in found[0] if found is not None else ():
        if position >= header.next_offset:
            break
        if position in settled:
            gone += len(message.body)
    return _look_into(loader, settlement, header) - gone


def _look_into(loader: Loader, settlement: Settlement, header: BatchHeader) -> int:
    """Settle what a batch leaves out; return the bytes of the bodies that are there."""
    at, size = header.base_offset, 0
    found = loader.load(at) if header.record_count else ([], at)
    if found is None:
        return stored.size_of(header)
    for position, message in found[0]:
        if position >= header.next_offset:
            break
        _settle_missing(settlement, at, position)
        at = position + 1
        size += len(message.body)
    _settle_missing(settlement, at, header.next_offset)
    return size


def _settle_missing(settlement: Settlement, first: int, end: int) -> None:
    """The journal is told as well: from now on it counts from here."""
    if first < end:
        settlement.settle_run(first, end, end)
