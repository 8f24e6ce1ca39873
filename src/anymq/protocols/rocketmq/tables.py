"""What answers say of queues: maps whose keys are objects, as RocketMQ writes them.

That is no JSON, but what its clients read and write: `{{"queueId":0,…}:{"maxOffset":7,…}}`.
"""

from collections.abc import Iterable, Mapping

import msgspec

encode = msgspec.json.encode
Queue = Mapping[str, object]


def queue(broker_name: str, topic: str, index: int) -> Queue:
    """Return a queue as answers name it."""
    return {"brokerName": broker_name, "queueId": index, "topic": topic}


def by_queue(rows: Iterable[tuple[Queue, object]]) -> bytes:
    """Write a map by queues."""
    return b"{%s}" % b",".join(encode(one) + b":" + encode(said) for one, said in rows)


def by_number(rows: Iterable[tuple[int, object]]) -> bytes:
    """Write a map by numbers, which are not quoted."""
    return b"{%s}" % b",".join(b"%d:%s" % (one, encode(said)) for one, said in rows)


def with_table(said: Mapping[str, object], name: str, table: bytes) -> bytes:
    """Write an object, and in it a map that is written already."""
    return encode({**said, name: msgspec.Raw(table)})
