"""What of a partition is committed: the rule of read_committed, for whoever reads as a client."""

from collections.abc import Sequence

from anymq.storage.batch import CONTROL, TRANSACTIONAL, BatchHeader
from anymq.storage.files import Buffer
from anymq.storage.records import iterate

Aborted = Sequence[tuple[int, int]]  # (producer id, first offset of what it took back)


class CommittedOnly:
    """Leaves out what transactions took back: the rule of read_committed."""

    def __init__(self, aborted: Aborted) -> None:
        self._coming = sorted(aborted, key=lambda each: each[1])
        self._producers: set[int] = set()

    def keeps(self, header: BatchHeader, batch: Buffer) -> bool:
        """Say if this batch, the next one of its partition, is to be seen."""
        while self._coming and self._coming[0][1] < header.next_offset:
            self._producers.add(self._coming.pop(0)[0])
        if header.attributes & CONTROL:
            if _is_abort(batch):
                self._producers.discard(header.producer_id)
            return False
        taken_back = header.producer_id in self._producers
        return not (header.attributes & TRANSACTIONAL and taken_back)


def _is_abort(batch: Buffer) -> bool:
    """A control record's key is a version and a type, two bytes each; type 0 is an abort."""
    return any((record.key or b"")[2:4] == b"\0\0" for record in iterate(batch))
