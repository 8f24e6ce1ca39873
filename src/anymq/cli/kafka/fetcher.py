"""Reads partitions from given positions on, from all their leaders at a time."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from anymq.cli.kafka.batches import CommittedOnly, has_append_time, records_of, split
from anymq.cli.kafka.cluster import BACKOFF_SECONDS, Cluster
from anymq.cli.kafka.connection import Asked, Connection
from anymq.cli.kafka.errors import (
    RETRIABLE,
    CannotConnect,
    ConnectionLost,
    RequestRefused,
    error_code,
    error_text,
)
from anymq.cli.kafka.offsets import EARLIEST, LATEST, Where, by_leader, offsets_at
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.schema.generated import fetch
from anymq.storage.records import Record

FETCH_BYTES = 16 * 1024 * 1024
PARTITION_BYTES = 1024 * 1024
ANSWER_MARGIN_SECONDS = 30.0
PATIENCE_SECONDS = 60.0  # how long a broker may be away


@dataclass(frozen=True, slots=True)
class Fetched:
    """Records of one partition, in order."""

    topic: str
    partition: int
    records: list[Record]
    append_time: bool = False  # the broker set the timestamps, not the producer


class Fetcher:
    """`positions` is the next offset of each partition; change it at will between polls."""

    def __init__(
        self, cluster: Cluster, *, read_committed: bool = False, reset_to: int | None = EARLIEST
    ) -> None:
        self.positions: dict[Where, int] = {}
        self.ends: dict[Where, int] = {}  # as far as one may read, as of the last answer
        self._cluster = cluster
        self._committed = read_committed
        self._reset_to = reset_to
        self._leaders: dict[int, list[Where]] | None = None
        self._heard = 0.0

    def assign(self, positions: Mapping[Where, int]) -> None:
        """Read these partitions from now on; LATEST and EARLIEST are positions too."""
        special = {where: each for where, each in positions.items() if each in (LATEST, EARLIEST)}
        found = offsets_at(self._cluster, special, self._committed) if special else {}
        self.positions = {**positions, **found}
        self.ends = {}
        self._leaders = None
        self._heard = time.monotonic()

    def poll(self, seconds: float) -> list[Fetched]:
        """Return what there is, or comes within this time."""
        if not self.positions:
            time.sleep(seconds)
            return []
        try:
            if self._leaders is None:
                self._leaders = by_leader(self._cluster, self.positions)
            asked = [self._ask(leader, group, seconds) for leader, group in self._leaders.items()]
            return [fetched for each in asked for fetched in self._receive(*each, seconds)]
        except (CannotConnect, ConnectionLost):
            if time.monotonic() - self._heard > PATIENCE_SECONDS:
                raise
            self._leaders = None
            time.sleep(BACKOFF_SECONDS)
            return []

    def _ask(
        self, leader: int, group: list[Where], seconds: float
    ) -> tuple[Connection, Asked[fetch.FetchResponse] | None]:
        request = fetch.FetchRequest(
            max_wait_ms=int(seconds * 1000),
            min_bytes=1,
            max_bytes=FETCH_BYTES,
            isolation_level=int(self._committed),
            topics=self._wanted(group),
        )
        connection = self._cluster.connection(leader)
        try:
            return connection, connection.send(fetch, request)
        except ConnectionLost:
            return connection, None

    def _wanted(self, group: list[Where]) -> list[fetch.FetchTopic]:
        topics: dict[str, list[fetch.FetchPartition]] = {}
        for where in group:
            wanted = fetch.FetchPartition(
                where[1],
                fetch_offset=self.positions[where],
                partition_max_bytes=PARTITION_BYTES,
            )
            topics.setdefault(where[0], []).append(wanted)
        return [fetch.FetchTopic(topic=name, partitions=each) for name, each in topics.items()]

    def _receive(
        self, connection: Connection, asked: Asked[fetch.FetchResponse] | None, seconds: float
    ) -> Iterator[Fetched]:
        try:
            if asked is None:
                raise ConnectionLost("while asking")
            answer = connection.receive(asked, seconds + ANSWER_MARGIN_SECONDS)
        except ConnectionLost:
            self._look_again(connection)
            return
        self._heard = time.monotonic()
        for topic in answer.responses:
            for data in topic.partitions:
                yield from self._take((topic.topic, data.partition_index), data)

    def _look_again(self, connection: Connection | None = None) -> None:
        """Ask anew who leads: with the next poll."""
        if connection is not None:
            self._cluster.drop(connection)
        time.sleep(BACKOFF_SECONDS)
        self._leaders = None

    def _take(self, where: Where, data: fetch.PartitionData) -> Iterator[Fetched]:
        if data.error_code:
            self._fail(where, data)
            return
        self.ends[where] = data.last_stable_offset if self._committed else data.high_watermark
        aborted = [
            (each.producer_id, each.first_offset) for each in data.aborted_transactions or ()
        ]
        filtering = CommittedOnly(aborted) if self._committed else None
        for header, batch in split(data.records or b""):
            first = self.positions[where]
            if filtering is None or filtering.keeps(header, batch):
                records = records_of(header, batch, first)
                if records:
                    yield Fetched(*where, records, has_append_time(header))
            self.positions[where] = max(first, header.next_offset)

    def _fail(self, where: Where, data: fetch.PartitionData) -> None:
        code = error_code(data.error_code)
        if code == ErrorCode.OFFSET_OUT_OF_RANGE and self._reset_to is not None:
            at = offsets_at(self._cluster, {where: self._reset_to}, self._committed)
            self.positions.update(at)
        elif code in RETRIABLE:
            self._look_again()
        else:
            text = error_text(data.error_code)
            raise RequestRefused(code, f"partition {where[1]} of {where[0]!r}: {text}")
