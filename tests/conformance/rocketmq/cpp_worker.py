"""A process with RocketMQ's C++ client (PyPI `rocketmq`) in it: does what lines of JSON say.

It has threads and a memory of its own, so it lives outside of the tests. Bodies are base64.
"""

import json
import sys
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable
from itertools import count
from typing import Any

from rocketmq.client import Message, Producer, PullConsumer, PushConsumer, RecvMessage
from rocketmq.exceptions import ProducerSendSyncFailed
from rocketmq.ffi import MessageModel

ATTEMPTS = 20
Said = dict[str, Any]
_printing = threading.Lock()


def say(**said: Any) -> None:
    """One line, whole."""
    with _printing:
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()


class Worker:
    """What there is: a producer, consumers."""

    def __init__(self, name_server: str) -> None:
        self.name_server = name_server
        self.producer: Any = None
        self.consumers: list[Any] = []
        self.first = self._producer("FIRST")
        self._connect()

    def _producer(self, group: str, **options: Any) -> Any:
        producer = Producer(group, **options)
        producer.set_namesrv_addr(self.name_server)
        producer.start()
        return producer

    def _connect(self) -> None:
        """Be connected before anybody needs it: all here share the connections.

        The library takes a connection that is there at once for one that failed, and looks again
        half a minute later; a producer can try again.
        """
        for attempt in count():
            try:
                self.first.send_sync(message_of("first", b64encode(b"x").decode()))
                return
            except ProducerSendSyncFailed:
                if attempt == ATTEMPTS:
                    raise

    def produce(self, group: str, **options: Any) -> None:
        """Become a producer."""
        self.producer = self._producer(group, **options)

    def send(self, how: str, **what: Any) -> Said:
        """Send one message, in one of the ways there are."""
        message = message_of(**what)
        if how == "oneway":
            self.producer.send_oneway(message)
            return {}
        if how == "oneway ordered":
            self.producer.send_oneway_orderly(message, what["by"])
            return {}
        if how == "async":
            return self._send_async(message)
        if how == "ordered":
            return result_of(self.producer.send_orderly(message, what["by"]))
        return result_of(self.producer.send_sync(message))

    def _send_async(self, message: Any) -> Said:
        answer: list[Said] = []
        done = threading.Event()

        def on_success(result: Any) -> None:
            answer.append(result_of(result))
            done.set()

        def on_failure(error: Exception) -> None:
            answer.append({"error": str(error)})
            done.set()

        self.producer.send_async(message, on_success, on_failure)
        done.wait(30)
        return answer[0]

    def send_batch(self, messages: list[Said]) -> Said:
        """Send some as one."""
        return result_of(self.producer.send_batch([message_of(**one) for one in messages]))

    def consume(
        self,
        group: str,
        topic: str,
        expression: str = "*",
        *,
        orderly: bool = False,
        broadcasting: bool = False,
        failures: int = 0,
    ) -> None:
        """Consume; `failures`: how often each message is not dealt with at first."""
        model = MessageModel.BROADCASTING if broadcasting else MessageModel.CLUSTERING
        consumer = PushConsumer(group, orderly=orderly, message_model=model)
        consumer.set_namesrv_addr(self.name_server)
        if orderly:
            consumer.set_thread_count(1)
        consumer.subscribe(topic, taker(failures), expression)
        consumer.start()
        self.consumers.append(consumer)

    def pull(self, group: str, topic: str, expression: str = "*") -> Said:
        """Pull all that there is."""
        consumer = PullConsumer(group)
        consumer.set_namesrv_addr(self.name_server)
        consumer.start()
        found = [described(one) for one in consumer.pull(topic, expression)]
        consumer.shutdown()
        return {"messages": found}

    def stop(self) -> None:
        """Leave."""
        for consumer in self.consumers:
            consumer.shutdown()
        self.consumers.clear()
        for producer in (self.producer, self.first):
            if producer is not None:
                producer.shutdown()


def taker(failures: int) -> Callable[[Any], None]:
    """Return what tells of each message, and fails that often."""

    def take(message: Any) -> None:
        said = described(message)
        say(message=said)
        if said["reconsumed"] < failures:
            raise ValueError("not now")

    return take


def message_of(
    topic: str,
    body: str = "",
    tags: str = "",
    keys: str = "",
    delay_level: int = 0,
    properties: dict[str, str] | None = None,
    **_: Any,
) -> Any:
    """Make a message."""
    message = Message(topic)
    message.set_body(b64decode(body))
    if tags:
        message.set_tags(tags)
    if keys:
        message.set_keys(keys)
    if delay_level:
        message.set_delay_time_level(delay_level)
    for name, value in (properties or {}).items():
        message.set_property(name, value)
    return message


def result_of(result: Any) -> Said:
    """Return what came of sending."""
    return {"status": result.status.name, "id": result.msg_id, "offset": result.offset}


def described(message: Any) -> Said:
    """Return what a message says."""
    assert isinstance(message, RecvMessage)
    return {
        "topic": message.topic,
        "body": b64encode(message.body).decode(),
        "tags": text(message.tags),
        "keys": text(message.keys),
        "id": message.id,
        "queue": message.queue_id,
        "offset": message.queue_offset,
        "reconsumed": message.reconsume_times,
        "born": message.born_timestamp,
        "stored": message.store_timestamp,
        "color": text(message.get_property("color")),
        "origin": text(message.get_property("ORIGIN_MESSAGE_ID")),
        "delay": text(message.get_property("DELAY")),
    }


def text(value: Any) -> str | None:
    """As text."""
    return value.decode() if isinstance(value, bytes) else value


def main() -> None:
    """Do what is asked, one line after another."""
    worker = Worker(sys.argv[1])
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            answer = getattr(worker, asked.pop("do"))(**asked) or {}
        except Exception as error:
            answer = {"error": repr(error)}
        say(answer=answer)


main()
