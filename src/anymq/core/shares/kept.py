"""What is kept of share groups: for each topic that one has read, where its settlements are."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from uuid import UUID

import msgspec

from anymq.core.catalog import Catalog, Then
from anymq.core.queues.lines import Lines
from anymq.core.queues.settlement import Settlement

KIND = "share-groups"


class ShareGroupRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """One group, among the definitions. On disk: see catalog.py.

    By topic id (32 hexadecimal digits): the ids of its settlements, by partition.
    """

    topics: dict[str, tuple[int, ...]] = {}


_DECODER = msgspec.json.Decoder(ShareGroupRecord)


def ids_kept(catalog: Catalog) -> set[int]:
    """Return the ids of all settlements that groups have: the journal must not forget them."""
    return {
        one
        for _, record in catalog.records(f"{KIND}/", _DECODER)
        for ids in record.topics.values()
        for one in ids
    }


class Kept:
    """The groups of which something is kept."""

    def __init__(
        self, catalog: Catalog, lines: Lines, new_ids: Callable[[int], Sequence[int]]
    ) -> None:
        self._catalog = catalog
        self._lines = lines
        self._new_ids = new_ids
        self._records: dict[str, ShareGroupRecord] = {}
        for key, record in catalog.records(f"{KIND}/", _DECODER):
            self._records[_name_of(key)] = record
        catalog.listen_to(KIND, self._changed)

    def __contains__(self, group: str) -> bool:
        return group in self._records

    def __iter__(self) -> Iterator[str]:
        return iter(self._records)

    def topics(self, group: str) -> dict[UUID, tuple[int, ...]]:
        """Return the settlements of a group, by topic and partition."""
        record = self._records.get(group)
        return {} if record is None else {UUID(hex=k): ids for k, ids in record.topics.items()}

    def settlement(self, settlement_id: int) -> Settlement:
        """Return one of them."""
        return self._lines.settlement(settlement_id)

    def begin(self, group: str, then: Then) -> None:
        """There is this group, with nothing yet."""
        if group in self._records:
            then(None)
        else:
            self._put(group, {}, then)

    def add(self, group: str, topic: UUID, starts: Sequence[int], then: Then) -> tuple[int, ...]:
        """Let the group begin in these next partitions of a topic at these offsets."""
        new = self._made(starts)
        topics = self._said(group)
        ids = topics[topic.hex] = (*topics.get(topic.hex, ()), *new)
        self._put(group, topics, then, new_ids=new)
        return ids

    def move(self, group: str, topic: UUID, starts: Mapping[int, int], then: Then) -> None:
        """Let the group go on elsewhere in some partitions: all that it knew of them is gone."""
        topics = self._said(group)
        ids = list(topics[topic.hex])
        new = self._made(list(starts.values()))
        old = [ids[partition] for partition in starts]
        for partition, settlement_id in zip(starts, new, strict=True):
            ids[partition] = settlement_id
        topics[topic.hex] = tuple(ids)
        self._put(group, topics, self._forgetting(old, then), new_ids=new)

    def cut(self, group: str, topic: UUID, partition: int, end: int, then: Then) -> None:
        """The log ends here again: a crash took what followed. What comes there is new."""
        old = self.settlement(self.topics(group)[topic][partition])
        self.move(group, topic, {partition: min(end, old.settled.low)}, then)
        new = self.settlement(self.topics(group)[topic][partition])
        at = new.settled.low
        for first, stop in (*old.settled.unsettled_runs(at, end), (end, end)):
            if at < first:
                new.settle_run(at, first, first)
            at = stop
        for offset, times in old.returns.items():
            if offset < end and offset not in new.settled:
                for _ in range(times):
                    new.give_back([offset])

    def drop(self, group: str, topics: Iterable[UUID], then: Then) -> None:
        """Let the group know nothing of these topics."""
        said = self._said(group)
        old = [one for topic in topics for one in said.pop(topic.hex, ())]
        self._put(group, said, self._forgetting(old, then))

    def delete(self, group: str, then: Then) -> None:
        """There is no such group any more."""
        old = [one for ids in self._said(group).values() for one in ids]
        self._catalog.change({f"{KIND}/{group}": None}, self._forgetting(old, then))

    def _made(self, starts: Sequence[int]) -> tuple[int, ...]:
        ids = tuple(self._new_ids(len(starts)))
        for settlement_id, start in zip(ids, starts, strict=True):
            if start > 0:
                self._lines.settlement(settlement_id).settle_run(0, start, start)
        return ids

    def _said(self, group: str) -> dict[str, tuple[int, ...]]:
        record = self._records.get(group)
        return dict(record.topics) if record is not None else {}

    def _put(
        self,
        group: str,
        topics: dict[str, tuple[int, ...]],
        then: Then,
        *,
        new_ids: Sequence[int] = (),
    ) -> None:
        record = ShareGroupRecord(topics)
        self._catalog.change({f"{KIND}/{group}": record}, then, new_logs=new_ids)

    def _forgetting(self, old: Sequence[int], then: Then) -> Then:
        """Return one that also forgets these, once that is durable."""

        def told(error: Exception | None) -> None:
            if error is None:
                for settlement_id in old:
                    self._lines.release(settlement_id)
            then(error)

        return told

    def _changed(self, key: str, value: bytes | None) -> None:
        if value is None:
            self._records.pop(_name_of(key), None)
        else:
            self._records[_name_of(key)] = _DECODER.decode(value)


def _name_of(key: str) -> str:
    return key.partition("/")[2]
