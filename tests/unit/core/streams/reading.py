"""What tests of readers do with a partition."""

from typing import Any

from tests.unit.core.world import World, append, make_batch

from anymq.core.streams.partition import Partition
from anymq.core.streams.reader import Reader


def write(world: World, partition: Partition, *values: bytes, **how: Any) -> None:
    append(partition, make_batch(*values, **how))
    world.commit()


def take_all(reader: Reader, count: int = 1000, bytes_max: int = 1 << 20) -> list[bytes | None]:
    found: list[bytes | None] = []

    def take(offset: int, time: int, key: bytes | None, value: bytes | None, _: bytes) -> bool:
        found.append(value)
        return True

    assert reader.read(count, bytes_max, take) == len(found)
    return found
