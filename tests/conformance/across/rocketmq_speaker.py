"""RocketMQ's C++ client, inside PyPI's `rocketmq`, as one of those that speak to each other.

It tells a property only to who knows its name, and a body without its length. So all names are
known here, and the length is what a message weighs without the rest: a property that nobody here
knows would make the body wrong.
"""

import ctypes
import tempfile
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from rocketmq.client import Message, Producer, PullConsumer, RecvMessage
from rocketmq.ffi import dll
from typing_extensions import override

from anymq.protocols.across import ROCKETMQ, ROWS, Place, Protocol
from anymq.testing import EmbeddedBroker
from tests.conformance.across.speakers import BIG, SECONDS, TO_EXCHANGE, Speaker, Spoken

FIXED_BYTES = 91  # of a message beside topic, body and properties
SET_BY = {"keys": "KEYS", "tags": "TAGS", "id": "UNIQ_KEY"}
# What a client says by itself, or others show here that have no word for it.
BESIDE = (
    "WAIT",
    "CLUSTER",
    "sample",
    "tested",
    "x-mqtt-publish-qos",
    "x-mqtt-payload-format",
    "message-id",
)
HEADERS = tuple(
    dict.fromkeys(
        [cell.name for row in ROWS for cell in row.cells.values() if cell.place is Place.HEADER]
    )
)
NOT_EMPTY = b"-"  # the client refuses a message without a body
PATIENCE_SECONDS = 60.0  # of reading, when nothing comes; on a busy machine a pull takes long
MOMENT = 0.02  # between two looks

_body_at = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)(("GetMessageBody", dll))
_compress_from = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int)(
    ("SetProducerCompressMsgBodyOverHowmuch", dll)
)


class RocketMq(Speaker):
    """It writes to topics, and pulls their only queue."""

    protocol: Protocol = ROCKETMQ

    def __init__(self, broker: EmbeddedBroker, addresses: list[str]) -> None:
        server = f"127.0.0.1:{broker.ports['rocketmq']}"
        self._addresses = addresses
        self._producer = Producer(f"writers-{id(self)}")
        self._producer.set_namesrv_addr(server)
        self._producer.set_timeout(int(SECONDS * 1000))
        self._producer.set_max_message_size(BIG)
        _compress_from(self._producer._handle, BIG)  # nobody else would read it
        log_path = tempfile.gettempdir().encode()
        dll.SetProducerLogPath(self._producer._handle, log_path)
        self._producer.start()
        self._consumer = PullConsumer(f"readers-{id(self)}")
        self._consumer.offset_table = {}  # it is the class's own else
        self._consumer.set_namesrv_addr(server)
        self._consumer.start()

    @override
    def write(self, address: str, said: Spoken) -> None:
        message = Message(address)
        body = said.own.get("body") or NOT_EMPTY
        dll.SetByteMessageBody(message, body, len(body))
        if "keys" in said.own:
            message.set_keys(said.own["keys"])
        if "tags" in said.own:
            message.set_tags(said.own["tags"])
        for name, value in said.headers:
            message.set_property(name, value)
        self._producer.send_sync(message)

    @override
    def write_to(self, queue: str, body: bytes) -> None:
        self.write(queue, Spoken({"body": body}))

    @override
    def answer(self, request: Spoken, body: bytes) -> None:
        (place,), (correlation,) = request.all("REPLY_TO_CLIENT"), request.all("CORRELATION_ID")
        topic = unquote(place.removeprefix(f"{TO_EXCHANGE}amq.topic/"))
        self.write(topic, Spoken({"body": body}, [("CORRELATION_ID", correlation)]))

    @override
    def read(self) -> Iterator[tuple[str, Spoken]]:
        patience = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < patience:
            for address in self._addresses:
                for message in self._consumer.pull(address):
                    patience = time.monotonic() + PATIENCE_SECONDS
                    yield address, spoken(address, message)
            time.sleep(MOMENT)

    @override
    def close(self) -> None:
        self._producer.shutdown()
        self._consumer.shutdown()


def spoken(address: str, message: RecvMessage) -> Spoken:
    """Return a message as this client tells it."""
    said = {name: message.get_property(name) for name in (*SET_BY.values(), *HEADERS, *BESIDE)}
    found = {name: value for name, value in said.items() if value}
    if found.keys() == {"WAIT"}:  # what the client thinks of a message that says nothing
        found = {}
    own: dict[str, Any] = {
        own: found[name].decode() for own, name in SET_BY.items() if name in found
    }
    own |= {"topic": message.topic, "born_timestamp": message.born_timestamp}
    own["timestamp"] = message.store_timestamp  # the time of the record
    weight = FIXED_BYTES + len(address) + sum(len(n) + len(v) + 2 for n, v in found.items())
    own["body"] = ctypes.string_at(_body_at(message._handle), message.store_size - weight)
    named = {name: value.decode() for name, value in found.items() if name not in SET_BY.values()}
    for between_us in ("WAIT", "CLUSTER"):
        named.pop(between_us, None)
    return Spoken(own, [*named.items()])
