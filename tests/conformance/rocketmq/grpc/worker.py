"""RocketMQ's Python client of version 5, in a process of its own: asked by lines, answers by lines.

It has the same name as the C++ one's package (`rocketmq`), and either may have been installed last.
"""

import json
import sys
from base64 import b64decode, b64encode
from threading import Lock
from typing import Any

import rocketmq as package
from rocketmq.v5.client import ClientConfiguration, Credentials

package.ClientConfiguration = ClientConfiguration  # which a module of its own looks for there

from rocketmq.grpc_protocol import FilterType, TransactionResolution  # noqa: E402
from rocketmq.v5.consumer import (  # noqa: E402
    ConsumeResult,
    MessageListener,
    PushConsumer,
    SimpleConsumer,
)
from rocketmq.v5.model import FilterExpression, Message  # noqa: E402
from rocketmq.v5.producer import Producer, TransactionChecker  # noqa: E402

_writing = Lock()
RESOLUTIONS = {
    "commit": TransactionResolution.COMMIT,
    "rollback": TransactionResolution.ROLLBACK,
}


def say(**what: Any) -> None:
    with _writing:
        sys.stdout.write(json.dumps(what) + "\n")
        sys.stdout.flush()


def shown(message: Any) -> dict[str, Any]:
    return {
        "topic": message.topic,
        "body": b64encode(message.body).decode(),
        "tag": message.tag,
        "keys": sorted(message.keys),
        "properties": dict(message.properties),
        "id": message.message_id,
        "group": message.message_group,
        "attempt": message.delivery_attempt,
        "corrupted": message.corrupted,
        "born": message.born_timestamp,
    }


class Checker(TransactionChecker):  # type: ignore[misc]
    def __init__(self, verdict: str) -> None:
        self.verdict = verdict

    def check(self, message: Any) -> Any:
        say(checked=shown(message))
        return RESOLUTIONS[self.verdict]


class Listener(MessageListener):  # type: ignore[misc]
    def __init__(self, failures: int) -> None:
        self.failures = failures  # of the first messages

    def consume(self, message: Any) -> Any:
        say(message=shown(message))
        if self.failures > 0:
            self.failures -= 1
            return ConsumeResult.FAILURE
        return ConsumeResult.SUCCESS


class Worker:
    def __init__(self, endpoints: str, access_key: str, secret: str) -> None:
        known = Credentials(access_key, secret) if access_key else Credentials()
        self.configuration = ClientConfiguration(endpoints, known, request_timeout=10)
        self.producer: Any = None
        self.consumer: Any = None
        self.lent: dict[str, Any] = {}
        self.transactions: dict[str, Any] = {}
        self.begun: list[Any] = []

    def produce(self, topics: list[str], checker: str = "") -> None:
        check = Checker(checker) if checker else None
        self.producer = Producer(self.configuration, tuple(topics), checker=check)
        self._begin(self.producer)

    def send(self, **what: Any) -> dict[str, Any]:
        receipt = self.producer.send(message_of(what))
        return {"id": receipt.message_id, "offset": receipt.offset}

    def send_async(self, **what: Any) -> dict[str, Any]:
        receipt = self.producer.send_async(message_of(what)).result(30)
        return {"id": receipt.message_id, "offset": receipt.offset}

    def delay(self, **what: Any) -> dict[str, Any]:
        receipt = self.producer.send(message_of(what))
        return {"id": receipt.message_id, "handle": receipt.recall_handle}

    def recall(self, topic: str, handle: str) -> dict[str, Any]:
        return {"id": self.producer.recall_message(topic, handle)}

    def transact(self, then: str, **what: Any) -> dict[str, Any]:
        transaction = self.producer.begin_transaction()
        receipt = self.producer.send(message_of(what), transaction)
        if then == "commit":
            transaction.commit()
        elif then == "rollback":
            transaction.rollback()
        return {"id": receipt.message_id}

    def borrow(
        self, group: str, topic: str, expression: str = "*", kind: str = "TAG", wait: int = 5
    ) -> None:
        wanted = {topic: FilterExpression(expression, FilterType.Value(kind))}
        self.consumer = SimpleConsumer(self.configuration, group, wanted, wait)
        self._begin(self.consumer)

    def receive(self, count: int = 32, invisible: int = 30) -> dict[str, Any]:
        try:
            messages = self.consumer.receive(count, invisible) or []
        except Exception as error:
            if getattr(error, "code", None) == 40401:
                messages = []
            else:
                raise
        self.lent.update({one.message_id: one for one in messages})
        return {"messages": [shown(one) for one in messages]}

    def ack(self, id: str) -> None:
        self.consumer.ack(self.lent[id])

    def change(self, id: str, invisible: int) -> None:
        self.consumer.change_invisible_duration(self.lent[id], invisible)

    def push(self, group: str, topic: str, expression: str = "*", failures: int = 0) -> None:
        wanted = {topic: FilterExpression(expression)}
        listener = Listener(failures)
        self.consumer = PushConsumer(
            self.configuration, group, listener, wanted, consumption_thread_count=2
        )
        self._begin(self.consumer)

    def stop(self) -> None:
        for one in self.begun:
            one.shutdown()

    def _begin(self, client: Any) -> None:
        client.startup()
        self.begun.append(client)


def message_of(what: dict[str, Any]) -> Any:
    message = Message()
    message.topic = what["topic"]
    message.body = b64decode(what["body"])
    if "tag" in what:
        message.tag = what["tag"]
    if "keys" in what:
        message.keys = what["keys"]
    for name, value in what.get("properties", {}).items():
        message.add_property(name, value)
    if "group" in what:
        message.message_group = what["group"]
    if "deliver_s" in what:  # though its documentation says milliseconds
        message.delivery_timestamp = what["deliver_s"]
    return message


def main() -> None:
    worker = Worker(*sys.argv[1:4])
    for line in sys.stdin:
        asked = json.loads(line)
        do = asked.pop("do")
        try:
            say(answer=getattr(worker, do)(**asked) or {})
        except Exception as error:
            say(answer={"error": f"{type(error).__name__}: {error}"})
        if do == "stop":
            return


main()
