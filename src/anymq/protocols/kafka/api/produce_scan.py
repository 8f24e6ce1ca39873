"""How many parts has a large Produce request? Found out before they become objects.

Records may be large, so this request may, too. But 100 MiB of topics without records would become
gigabytes of objects. Those who really produce have few topics in a large request.
"""

from struct import Struct

from anymq.protocols.kafka.primitives import (
    DECODE_ERRORS,
    Buffer,
    MalformedFrame,
    malformed,
    read_uvarint,
)
from anymq.protocols.kafka.schema.generated.produce import FLEXIBLE

PARTS_MAX = 100_000  # topics, partitions and tagged fields together
_TOPIC_IDS = 13
_ACKS_AND_TIMEOUT_BYTES = 6
_INDEX_BYTES = 4
_ID_BYTES = 16
_SHORT = Struct(">h")
_INT = Struct(">i")


def check(request: Buffer, position: int, version: int) -> None:
    """Refuse a request, which starts at `position`, of too many parts."""
    try:
        _Scan(request, position, version).request()
    except DECODE_ERRORS as error:
        raise malformed("ProduceRequest", version, error) from error


class _Scan:
    """Passes over the parts and counts them."""

    def __init__(self, request: Buffer, position: int, version: int) -> None:
        self._request = request
        self._position = position
        self._flexible = version >= FLEXIBLE
        self._by_id = version >= _TOPIC_IDS
        self._parts = 0

    def request(self) -> None:
        self._skip_string()  # the transactional id
        self._position += _ACKS_AND_TIMEOUT_BYTES
        for _ in range(self._count()):
            self._topic()

    def _topic(self) -> None:
        if self._by_id:
            self._position += _ID_BYTES
        else:
            self._skip_string()
        for _ in range(self._count()):
            self._position += _INDEX_BYTES
            self._skip(self._length(_INT))
            self._tags()
        self._tags()

    def _count(self) -> int:
        count = self._length(_INT)
        self._more_parts(count)
        return count

    def _tags(self) -> None:
        if self._flexible:
            count = self._number()
            self._more_parts(count)
            for _ in range(count):
                self._number()
                self._skip(self._number())

    def _skip_string(self) -> None:
        self._skip(self._length(_SHORT))

    def _skip(self, size: int) -> None:
        self._position += max(size, 0)  # below nothing is null

    def _length(self, plain: Struct) -> int:
        if self._flexible:
            return self._number() - 1
        length: int = plain.unpack_from(self._request, self._position)[0]
        self._position += plain.size
        return length

    def _number(self) -> int:
        number, self._position = read_uvarint(self._request, self._position)
        return number

    def _more_parts(self, count: int) -> None:
        self._parts += max(count, 0)
        if self._parts > PARTS_MAX:
            raise MalformedFrame(f"a request of more than {PARTS_MAX} parts")
