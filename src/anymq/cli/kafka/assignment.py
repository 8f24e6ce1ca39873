"""What members of a consumer group tell each other through the broker, and who reads what.

The range assignor, as the Java client has it: per topic, members in order get neighbouring
partitions, the first ones one more where it does not add up.
"""

from collections.abc import Mapping, Sequence
from struct import Struct, error

from anymq.cli.kafka.offsets import Where

PROTOCOL = "range"
_SHORT, _INT = Struct(">h"), Struct(">i")
_NO_USER_DATA = _INT.pack(-1)


def encode_subscription(topics: Sequence[str]) -> bytes:
    """Write which topics a member wants."""
    words = b"".join(_string(topic) for topic in topics)
    return _SHORT.pack(0) + _INT.pack(len(topics)) + words + _NO_USER_DATA


def decode_subscription(data: bytes) -> list[str]:
    """Read which topics a member wants; what newer versions add comes after that."""
    try:
        (count,), pos, topics = _INT.unpack_from(data, 2), 6, []
        for _ in range(count):
            topic, pos = _read_string(data, pos)
            topics.append(topic)
    except (error, UnicodeDecodeError):
        return []
    return topics


def encode_assignment(partitions: Sequence[Where]) -> bytes:
    """Write what a member reads."""
    by_topic: dict[str, list[int]] = {}
    for topic, partition in partitions:
        by_topic.setdefault(topic, []).append(partition)
    parts = [_SHORT.pack(0), _INT.pack(len(by_topic))]
    for topic, indexes in by_topic.items():
        parts += [_string(topic), _INT.pack(len(indexes)), *map(_INT.pack, indexes)]
    return b"".join([*parts, _NO_USER_DATA])


def decode_assignment(data: bytes) -> list[Where]:
    """Read what a member reads; nothing where it is not a consumer's."""
    found: list[Where] = []
    if not data:
        return found
    try:
        (topics,), pos = _INT.unpack_from(data, 2), 6
        for _ in range(topics):
            topic, pos = _read_string(data, pos)
            (count,) = _INT.unpack_from(data, pos)
            found += [
                (topic, _INT.unpack_from(data, pos + 4 + 4 * each)[0]) for each in range(count)
            ]
            pos += 4 + 4 * count
    except (error, UnicodeDecodeError):
        return []
    return found


def assign_range(
    wanted: Mapping[str, Sequence[str]], counts: Mapping[str, int]
) -> dict[str, list[Where]]:
    """Divide: what each member (in order) wants, how many partitions each topic has."""
    shares: dict[str, list[Where]] = {member: [] for member in wanted}
    for topic in sorted({topic for topics in wanted.values() for topic in topics}):
        members = [member for member, topics in wanted.items() if topic in topics]
        each, more = divmod(counts.get(topic, 0), len(members))
        start = 0
        for place, member in enumerate(members):
            end = start + each + (place < more)
            shares[member] += [(topic, index) for index in range(start, end)]
            start = end
    return shares


def _string(text: str) -> bytes:
    data = text.encode()
    return _SHORT.pack(len(data)) + data


def _read_string(data: bytes, pos: int) -> tuple[str, int]:
    (length,) = _SHORT.unpack_from(data, pos)
    end = pos + 2 + length
    if length < 0 or end > len(data):
        raise error("a string beyond the end")
    return data[pos + 2 : end].decode(), end
