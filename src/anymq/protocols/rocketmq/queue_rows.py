"""Messages of a queue in brief, as RocketMQ's consume queues have them."""

from anymq.core.streams.partition import Partition
from anymq.core.streams.reader import Reader
from anymq.protocols.rocketmq.call import Call
from anymq.protocols.rocketmq.convert import Pulled
from anymq.protocols.rocketmq.layout import property_of, read_messages

BYTES_MAX = 4 << 20  # looked at for one answer


def rows_of(call: Call, partition: Partition, first: int, count: int) -> list[dict[str, object]]:
    """Return so many, from an offset on."""
    teller = call.rocketmq.teller(partition.topic_name, call.client.store_host)
    pulled = Pulled(teller, partition.index, partition.log.id)
    reader = Reader(partition, first, call.rocketmq.unpacked)
    reader.read(count, BYTES_MAX, pulled.take)
    content, at = b"".join(pulled.parts), 0
    rows: list[dict[str, object]] = []
    for message in read_messages(content):
        size = int.from_bytes(content[at : at + 4], "big")
        at += size
        tag = property_of(message.properties, b"TAGS")
        rows.append(
            {
                "physicOffset": message.physical_offset,
                "physicSize": size,
                "tagsCode": 0 if tag is None else hash_of(tag.decode(errors="replace")),
                "eval": True,
                "msg": None,
                "bitMap": None,
                "extendDataJson": None,
            }
        )
    return rows


def hash_of(text: str) -> int:
    """Return the hash that Java has of a text: tags are kept by it."""
    found = 0
    encoded = text.encode("utf-16-be", "surrogatepass")
    for at in range(0, len(encoded), 2):
        found = (31 * found + int.from_bytes(encoded[at : at + 2], "big")) & 0xFFFF_FFFF
    return found - (1 << 32) if found & 0x8000_0000 else found
