"""A topic, as the source of a shovel: all its partitions, from where its group has committed.

It is no member of the group: it reads all partitions itself and commits. (One shovel for a group.)
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from anymq.core.message import Form
from anymq.core.portable.opener import Opener
from anymq.core.timers import Timer
from anymq.protocols.kafka.committed import CommittedOnly
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.schema.generated import (
    fetch,
    find_coordinator,
    list_offsets,
    offset_commit,
    offset_fetch,
)
from anymq.shovels.definition import LATEST, NO_ACK, QUEUE_LENGTH, Definition
from anymq.shovels.ends import Arrival, Worker
from anymq.shovels.kafka.client import KafkaClient, error_name
from anymq.shovels.kafka.cluster import COORDINATOR, Cluster, Leaders, Means
from anymq.shovels.kafka.progress import Progress
from anymq.storage.batch import HEADER_BYTES, MAGIC, read_header
from anymq.storage.errors import CorruptBatch
from anymq.storage.records import Record, encode_headers, iterate

FETCH_BYTES = 1024 * 1024
PARTITION_BYTES = 256 * 1024
UNPACKED_BYTES_MAX = 64 * 1024 * 1024  # of one batch
FETCH_MS = 5_000
READ_COMMITTED = 1
EARLIEST_TIME, LATEST_TIME = -2, -1
AT_ONCE_MAX = 500  # records handed over in one turn
LOOK_AGAIN_SECONDS = 60.0  # for partitions that are new
GONE = ErrorCode.OFFSET_OUT_OF_RANGE

Token = tuple[int, int]  # partition, offset


class KafkaSource:
    """Fetches."""

    def __init__(
        self, means: Means, definition: Definition, worker: Worker, forms: Mapping[int, Form]
    ) -> None:
        self._said = said = definition.source
        self._no_ack = definition.ack_mode == NO_ACK
        self._soon = means.soon
        self._later = means.later
        self._timer: Timer | None = None
        self._worker = worker
        self._cluster = Cluster(means, said.kafka, worker.failed)
        self._opener = Opener(said.topic, forms)
        self._leaders: Leaders = {}
        self._progress: dict[int, Progress] = {}
        self._records: deque[tuple[int, Iterator[Record]]] = deque()  # to be handed over
        self._fetching: set[int] = set()  # nodes
        self._paused = True
        self._feeding = self._committing = self._closed = False

    @property
    def uri(self) -> str:
        """Which URI it works with."""
        return self._cluster.uri

    def open(self) -> None:
        """Find out who leads, then how far the group is."""
        self._cluster.open(lambda _: self._cluster.find_leaders(self._said.topic, self._found))

    def pause(self, paused: bool) -> None:
        """Ask for no more, or go on."""
        self._paused = paused
        self._go_on()

    def ack(self, tokens: Sequence[Any]) -> None:
        """These are done: commit, when the last commit is answered."""
        for partition, offset in tokens:
            self._progress[partition].done(offset)
        self._commit()
        self._go_on()

    def close(self) -> None:
        """Commit what is done, and hang up."""
        if not self._closed:
            self._committing = False
            self._commit()
            self._closed = True
            if self._timer is not None:
                self._timer.cancel()
            self._records.clear()
            self._cluster.close()

    # Beginning

    def _found(self, leaders: Leaders) -> None:
        self._leaders = leaders
        request = find_coordinator.FindCoordinatorRequest(self._said.group)

        def answered(answer: find_coordinator.FindCoordinatorResponse) -> None:
            if answer.error_code:
                self._cluster.fail(f"group {self._said.group}: {error_name(answer.error_code)}")
                return
            self._cluster.learn(COORDINATOR, answer.host, answer.port)
            self._cluster.with_node(COORDINATOR, self._ask_committed)

        node = next(iter(leaders.values()))
        self._cluster.with_node(
            node, lambda client: client.ask(find_coordinator, request, answered)
        )

    def _ask_committed(self, client: KafkaClient) -> None:
        asked = offset_fetch.OffsetFetchRequestTopic(self._said.topic, sorted(self._leaders))
        request = offset_fetch.OffsetFetchRequest(self._said.group, [asked])
        client.ask(offset_fetch, request, self._committed)

    def _committed(self, answer: offset_fetch.OffsetFetchResponse) -> None:
        found = [one for topic in answer.topics for one in topic.partitions]
        codes = {answer.error_code, *(one.error_code for one in found)} - {0}
        if codes:
            names = ", ".join(map(error_name, sorted(codes)))
            self._cluster.fail(f"group {self._said.group}: {names}")
            return
        for one in found:
            if one.committed_offset >= 0:
                self._progress[one.partition_index] = Progress(one.committed_offset)
        time = LATEST_TIME if self._said.offset == LATEST else EARLIEST_TIME
        unknown = [index for index in self._leaders if index not in self._progress]
        self._ask_offsets(unknown, time, self._begin_there)

    def _begin_there(self, found: Mapping[int, int]) -> None:
        self._progress.update({index: Progress(offset) for index, offset in found.items()})
        if self._said.delete_after == QUEUE_LENGTH:
            self._ask_offsets(list(self._leaders), LATEST_TIME, self._count)
        else:
            self._begin(None)

    def _begin_there_again(self, found: Mapping[int, int]) -> None:
        for index, offset in found.items():
            self._progress[index].pass_to(offset)
        self._go_on()

    def _count(self, ends: Mapping[int, int]) -> None:
        """So many at most: records that transactions or compaction took away are none."""
        self._begin(sum(max(0, end - self._progress[at].position) for at, end in ends.items()))

    def _begin(self, remaining: int | None) -> None:
        self._worker.source_ready(remaining)
        self._look_later()
        self._go_on()

    def _look_later(self) -> None:
        self._timer = self._later(LOOK_AGAIN_SECONDS, self._look_again)

    def _look_again(self) -> None:
        """See whether there are other partitions: then begin anew, where they are known."""
        if not self._closed:
            self._cluster.find_leaders(self._said.topic, self._compare)

    def _compare(self, leaders: Leaders) -> None:
        if leaders.keys() != self._leaders.keys():
            self._cluster.fail(f"topic {self._said.topic} has other partitions now")
        else:
            self._look_later()

    def _ask_offsets(self, partitions: Sequence[int], time: int, then: Any) -> None:
        """Ask each leader; `then` gets the offsets when all have answered."""
        found: dict[int, int] = {}
        by_node = self._by_node(partitions)
        if not by_node:
            then(found)
            return

        def answered(answer: list_offsets.ListOffsetsResponse) -> None:
            for topic in answer.topics:
                for one in topic.partitions:
                    if one.error_code:
                        self._cluster.fail(f"offsets: {error_name(one.error_code)}")
                        return
                    found[one.partition_index] = one.offset
            if len(found) == len(partitions):
                then(found)

        def ask(group: Sequence[int], client: KafkaClient) -> None:
            wanted = [list_offsets.ListOffsetsPartition(at, timestamp=time) for at in group]
            topic = list_offsets.ListOffsetsTopic(self._said.topic, wanted)
            request = list_offsets.ListOffsetsRequest(-1, READ_COMMITTED, [topic])
            client.ask(list_offsets, request, answered)

        for node, group in by_node.items():
            self._cluster.with_node(node, partial(ask, group))

    def _by_node(self, partitions: Sequence[int]) -> dict[int, list[int]]:
        groups: dict[int, list[int]] = {}
        for index in partitions:
            groups.setdefault(self._leaders[index], []).append(index)
        return groups

    # Reading

    def _go_on(self) -> None:
        """Hand over what is here; when that is all, ask for more."""
        if self._closed or self._paused or not self._progress:
            return
        if self._records:
            self._feed_soon()
            return
        if sum(one.in_flight for one in self._progress.values()) >= self._said.prefetch:
            return
        for node, partitions in self._by_node(list(self._progress)).items():
            if node not in self._fetching:
                self._fetching.add(node)
                self._cluster.with_node(node, partial(self._fetch, node, partitions))

    def _fetch(self, node: int, partitions: Sequence[int], client: KafkaClient) -> None:
        wanted = [
            fetch.FetchPartition(
                index,
                fetch_offset=self._progress[index].position,
                partition_max_bytes=PARTITION_BYTES,
            )
            for index in partitions
        ]
        request = fetch.FetchRequest(
            max_wait_ms=FETCH_MS,
            min_bytes=1,
            max_bytes=FETCH_BYTES,
            isolation_level=READ_COMMITTED,
            topics=[fetch.FetchTopic(topic=self._said.topic, partitions=wanted)],
        )
        client.ask(fetch, request, partial(self._fetched, node))

    def _fetched(self, node: int, answer: fetch.FetchResponse) -> None:
        self._fetching.discard(node)
        found = [one for topic in answer.responses for one in topic.partitions]
        gone = [one.partition_index for one in found if one.error_code == GONE]
        if gone and not answer.error_code:
            # What comes next there went by retention: go on with the oldest that is left.
            self._ask_offsets(gone, EARLIEST_TIME, self._begin_there_again)
            found = [one for one in found if one.error_code != GONE]
        codes = {answer.error_code, *(one.error_code for one in found)} - {0}
        if codes or self._closed:
            names = ", ".join(map(error_name, sorted(codes)))
            self._cluster.fail(f"topic {self._said.topic}: {names}")
            return
        for one in found:
            self._records.append((one.partition_index, self._records_of(one)))
        self._feed_soon()

    def _records_of(self, data: fetch.PartitionData) -> Iterator[Record]:
        """Yield what may be read, from where we are."""
        progress = self._progress[data.partition_index]
        aborted = [(one.producer_id, one.first_offset) for one in data.aborted_transactions or ()]
        filtering = CommittedOnly(aborted)
        view, at = memoryview(data.records or b""), 0
        while len(view) - at >= HEADER_BYTES:
            header = read_header(view, at)
            if header.magic != MAGIC or at + header.size > len(view):
                return
            batch = view[at : at + header.size]
            if filtering.keeps(header, batch):
                for record in iterate(batch, bytes_max=UNPACKED_BYTES_MAX):
                    if record.offset >= progress.position:
                        yield record
            progress.pass_to(header.next_offset)
            at += header.size

    def _feed_soon(self) -> None:
        if not self._feeding:
            self._feeding = True
            self._soon(self._feed)

    def _feed(self) -> None:
        self._feeding = False
        if self._closed or self._paused:
            return
        try:
            arrivals = self._some()
        except CorruptBatch as error:
            self._cluster.fail(f"topic {self._said.topic}: {error}")
            return
        if arrivals:
            self._worker.arrived(arrivals)
        if self._no_ack:
            self.ack([arrival.token for arrival in arrivals])
        self._go_on()

    def _some(self) -> list[Arrival]:
        arrivals: list[Arrival] = []
        while self._records and len(arrivals) < AT_ONCE_MAX:
            partition, records = self._records[0]
            record = next(records, None)
            if record is None:
                self._records.popleft()
                continue
            self._progress[partition].came(record.offset)
            headers = encode_headers(record.headers)
            message = self._opener.open(record.key, record.value, headers, record.timestamp)
            arrivals.append(Arrival((partition, record.offset), message))
        return arrivals

    # Committing

    def _commit(self) -> None:
        """One commit is under way at most; what is done meanwhile is in the next."""
        if self._committing or self._closed:
            return
        news = {at: one.to_commit() for at, one in self._progress.items() if one.has_news}
        if not news:
            return
        self._committing = True
        partitions = [
            offset_commit.OffsetCommitRequestPartition(at, offset) for at, offset in news.items()
        ]
        topic = offset_commit.OffsetCommitRequestTopic(self._said.topic, partitions=partitions)
        request = offset_commit.OffsetCommitRequest(self._said.group, topics=[topic])
        self._cluster.with_node(
            COORDINATOR, lambda client: client.ask(offset_commit, request, self._answered)
        )

    def _answered(self, answer: offset_commit.OffsetCommitResponse) -> None:
        self._committing = False
        codes = {one.error_code for topic in answer.topics for one in topic.partitions} - {0}
        if codes:
            names = ", ".join(map(error_name, sorted(codes)))
            self._cluster.fail(f"commits of group {self._said.group}: {names}")
            return
        self._commit()
