"""Any sequence of what a broker does to a log gives what a list in memory would give."""

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.unit.storage.batches import make_batch, with_header
from tests.unit.storage.stores import do, kill, open_store, read_all, tick
from typing_extensions import override

from anymq.storage.commit import Commit
from anymq.storage.errors import OffsetOutOfRange, StorageError
from anymq.storage.log import Durability, Log, LogConfig


class StoreMachine(RuleBasedStateMachine):
    """Two logs on a real disk, with a commit that may be under way."""

    @initialize(
        durability=st.sampled_from(Durability), segment_bytes=st.sampled_from([1, 300, 2000])
    )
    def begin(self, durability: Durability, segment_bytes: int) -> None:
        self.directory = TemporaryDirectory()
        self.config = LogConfig(
            segment_bytes=segment_bytes, index_interval_bytes=200, durability=durability
        )
        self.store = open_store(Path(self.directory.name))
        self.sent: dict[int, list[tuple[int, bytes]]] = {20: [], 21: []}
        self.starts = {20: 0, 21: 0}
        self.told: dict[int, int] = {20: 0, 21: 0}  # offsets below were acknowledged
        self.open_logs()
        self.commit: Commit | None = None
        self.number = 0

    def open_logs(self) -> None:
        self.logs: dict[int, Log] = {i: self.store.open_log(i, self.config) for i in (20, 21)}
        for log in self.logs.values():
            log.state_source = lambda log=log: b"%d" % log.end

    @rule(log_id=st.sampled_from([20, 21]), count=st.integers(1, 5), size=st.integers(0, 300))
    def append(self, log_id: int, count: int, size: int) -> None:
        self.number += 1
        payload = b"%d " % self.number + bytes(size)
        log = self.logs[log_id]
        offset = log.append(*with_header(make_batch(payload, count=count)), self.number // 20)
        self.sent[log_id].append((offset, payload))

        def then(error: StorageError | None) -> None:
            assert error is None
            self.told[log_id] = max(self.told[log_id], offset + count)

        log.when_durable(offset + count - 1, then)

    @rule()
    def begin_commit(self) -> None:
        if self.commit is None:
            self.commit = self.store.begin_commit()
            if self.commit is not None:
                self.commit.run()

    @rule()
    def end_commit(self) -> None:
        commit, self.commit = self.commit, None
        if commit is not None:
            commit.done()

    @rule()
    def sync(self) -> None:
        do(self.store.begin_sync())

    @rule(now=st.integers(0, 1000))
    def maintain(self, now: int) -> None:
        tick(self.store, 1_000_000 + now * 1000)

    @rule(log_id=st.sampled_from([20, 21]), part=st.floats(0, 1))
    def delete_before(self, log_id: int, part: float) -> None:
        log = self.logs[log_id]
        log.delete_before(int(log.visible_end * part))
        self.starts[log_id] = log.start

    @rule()
    def restart(self) -> None:
        self.end_commit()
        self.store.close()
        self.reopen()
        assert all(log.start == self.starts[i] for i, log in self.logs.items())

    @rule()
    def crash(self) -> None:
        self.commit = None  # what it wrote is in the page cache
        kill(self.store)
        self.reopen()
        for log_id, log in self.logs.items():
            assert self.told[log_id] <= log.end
            self.sent[log_id] = [item for item in self.sent[log_id] if item[0] < log.end]
            log.delete_before(min(self.starts[log_id], log.end))

    def reopen(self) -> None:
        self.store = open_store(Path(self.directory.name))
        self.open_logs()
        for log in self.logs.values():
            saved = log.saved_state()
            assert saved is None or saved[1] == b"%d" % saved[0]
            self.told[log.id] = max(self.told[log.id], log.end)
        assert self.store.reports == []

    @invariant()
    def reads_what_was_sent(self) -> None:
        for log_id, log in self.logs.items():
            assert log.visible_end == self.told[log_id]
            visible = [item for item in self.sent[log_id] if item[0] < log.visible_end]
            assert read_all(log, bytes_max=700) == self.from_start(visible, log)
            self.check_some_offsets(log, visible)

    def from_start(self, visible: list[tuple[int, bytes]], log: Log) -> list[tuple[int, bytes]]:
        ends = [*(base for base, _ in visible[1:]), log.visible_end]
        return [item for item, end in zip(visible, ends, strict=False) if end > log.start]

    def check_some_offsets(self, log: Log, visible: list[tuple[int, bytes]]) -> None:
        for base, payload in visible[:: max(len(visible) // 5, 1)]:
            try:
                part = log.read(base, 1)
            except OffsetOutOfRange:
                assert base < log.start
                continue
            assert part is not None
            assert part.read().endswith(payload)

    @override
    def teardown(self) -> None:
        if hasattr(self, "directory"):
            self.end_commit()
            self.store.close()
            self.directory.cleanup()


StoreMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=40, deadline=None)
test_like_a_list = StoreMachine.TestCase
