"""Visitors: they come, do what is rarely done one thing after another, go, and come as another.

Some say goodbye, others are just gone. What they make for themselves should be gone after them.
"""

from collections.abc import Generator
from typing import Any

from typing_extensions import override

from anymq.core.message import Properties
from anymq.protocols.amqp import methods
from anymq.protocols.amqp.methods import Method
from anymq.protocols.amqp.properties import AMQP_FORM
from anymq.protocols.kafka.schema.generated import (
    create_topics,
    delete_topics,
    init_producer_id,
    join_group,
    leave_group,
    offset_commit,
    produce,
    sync_group,
)
from anymq.protocols.mqtt.codec import (
    V5,
    Connack,
    Connect,
    Disconnect,
    Packet,
    Publish,
    Pubrel,
    Subscribe,
    Will,
    Wish,
)
from anymq.protocols.mqtt.properties import P, Props
from anymq.protocols.rocketmq.codec import Frame as RocketMqFrame
from anymq.protocols.rocketmq.codes import RequestCode
from anymq.protocols.rocketmq.names import retry_topic
from anymq.protocols.stomp.codec import Frame
from anymq.storage import records
from anymq.storage.records import Record
from anymq.testing.amqp import published
from anymq.testing.rocketmq import pull_fields, send_fields
from tests.simulation.actor import Actor, Place
from tests.simulation.amqp import PERSISTENT, AmqpActor
from tests.simulation.kafka import KafkaActor
from tests.simulation.ledger import Ledger
from tests.simulation.mqtt import MqttActor
from tests.simulation.node import TOPIC
from tests.simulation.rocketmq import RocketMqActor
from tests.simulation.stomp import StompActor
from tests.simulation.world import World

Script = Generator[Any, Any, None]  # what it says next, and what it hears of that
DELAY_MS = 90_000
STAYS_S = 120  # what outlives its maker for a while
VISITED = "visited"
LATER = AMQP_FORM.write(Properties(headers={"x-delay": DELAY_MS}, delivery_mode=2))
BOUNDED = {"x-max-length": 10, "x-message-ttl": 600_000, "x-dead-letter-exchange": "amq.fanout"}


class Visitor(Actor):
    """Goes through its script once with every connection, under another name each time."""

    visits = 0
    _script: Script | None = None

    def enter(self) -> None:
        """We are in."""
        self._script = self.script(f"{self.name}{self.visits}")
        self.heard_of(None)

    def heard_of(self, answer: object) -> None:
        """Go on; at the end of the script we are gone."""
        assert self.link is not None
        assert self._script is not None
        try:
            wish = self._script.send(answer)
        except StopIteration:
            self.visits += 1
            self.link.cut()
        else:
            self.tell(wish)

    @override
    def gone(self) -> None:
        self._script = None

    @property
    def polite(self) -> bool:
        return self.visits % 2 == 0

    def script(self, me: str) -> Script:
        """What one visit consists of."""
        raise NotImplementedError

    def tell(self, wish: Any) -> None:
        """Say it; `heard_of` is called with the answer."""
        raise NotImplementedError


class AmqpVisitor(AmqpActor, Visitor):
    """Queues of its own, a transaction, a delayed message, dead letters."""

    def __init__(self, world: World, place: Place, name: str) -> None:
        super().__init__(world, place, name, Ledger("kept", in_order=False))

    @override
    def begin(self) -> None:
        if self._script is None:
            self.enter()
        else:
            self.heard_of(None)  # another queue is declared

    @override
    def script(self, me: str) -> Script:
        yield methods.QueueDeclare(me, False, False, True, True, False, {})
        yield methods.QueueBind(me, "amq.fanout", "", False, {})
        yield methods.BasicConsume(me, "", False, True, False, False, {})
        expires = {"x-expires": STAYS_S * 1000}
        yield methods.QueueDeclare(f"{me}-stays", False, True, False, False, False, expires)
        yield methods.QueueDeclare(VISITED, False, True, False, False, False, BOUNDED)
        yield methods.ExchangeDeclare(me, "topic", False, False, True, False, False, {})
        yield methods.QueueBind(me, me, "a.#", False, {})
        yield methods.TxSelect()
        for place in (me, VISITED, f"{me}-stays"):
            self._publish(place, PERSISTENT)
        yield methods.TxCommit()
        self._publish(me, PERSISTENT)
        yield methods.TxRollback()
        self._publish(VISITED, LATER)
        yield methods.TxCommit()
        yield methods.BasicGet(VISITED, False)  # and gives it back by going
        if self.polite:
            self.say(methods.ConnectionClose(200, "", 0, 0), 0)
            yield None

    def _publish(self, queue: str, properties: bytes) -> None:
        assert self.link is not None
        self.link.say(published(1, b"x" * 100, routing_key=queue, properties=properties))

    @override
    def tell(self, wish: Method | None) -> None:
        if wish is not None:
            self.say(wish)

    @override
    def on_method(self, method: Method) -> None:
        if not isinstance(method, methods.BasicDeliver):
            self.heard_of(method)

    @override
    def on_content(self, kind: int, payload: bytes) -> None:
        pass


class StompVisitor(StompActor, Visitor):
    """Subscriptions that are forgotten with it, and a transaction."""

    def __init__(self, world: World, place: Place, name: str) -> None:
        super().__init__(world, place, name, Ledger(VISITED, in_order=False))

    @override
    def begin(self) -> None:
        self.enter()

    @override
    def script(self, me: str) -> Script:
        yield Frame("SUBSCRIBE", {"id": "0", "destination": f"/topic/{me}"})
        yield Frame("SUBSCRIBE", {"id": "1", "destination": "/exchange/amq.fanout"})
        yield Frame("BEGIN", {"transaction": me})
        self.say(Frame("SEND", {"destination": f"/topic/{me}", "transaction": me}, b"x"))
        yield Frame("COMMIT", {"transaction": me})
        if self.polite:
            yield Frame("DISCONNECT", {})

    @override
    def tell(self, wish: Frame) -> None:
        self.say(Frame(wish.command, {**wish.headers, "receipt": "r"}, wish.body))

    @override
    def on_frame(self, frame: Frame) -> None:
        if frame.command == "RECEIPT":
            self.heard_of(frame)
        else:
            assert frame.command == "MESSAGE", frame


class MqttVisitor(MqttActor, Visitor):
    """A session that outlives it for a while, a will, a message that is retained, and goes."""

    version = V5

    @override
    def greet(self) -> None:
        me = f"{self.name}{self.visits}"
        will = Will(f"left/{me}", b"gone", 1)
        stays: Props = {P.SESSION_EXPIRY: STAYS_S}
        super().say([Connect(V5, me, True, 0, None, None, will, stays)])

    @override
    def begin(self, *, known: bool) -> None:
        self.enter()

    @override
    def script(self, me: str) -> Script:
        yield Subscribe(1, [Wish("t/#", 1), Wish("left/#", 2), Wish(f"{me}/#")])
        yield Publish(f"kept/{me}", b"x" * 50, 1, 2, retain=True)
        yield Publish(f"kept/{self.name}{self.visits - 1}", b"", 1, 3, retain=True)
        yield Publish(f"{me}/a", b"x", 2, 4)
        if self.polite:
            yield Pubrel(4)
            super().say([Disconnect()])

    @override
    def tell(self, wish: Packet) -> None:
        super().say([wish])

    @override
    def on_packet(self, packet: Packet) -> None:
        if not isinstance(packet, Publish | Connack):
            self.heard_of(packet)


class KafkaVisitor(KafkaActor, Visitor):
    """A producer with a new id, a group of its own, a topic that is made and deleted."""

    @override
    def begin(self) -> None:
        self.enter()

    @override
    def script(self, me: str) -> Script:
        heard = yield init_producer_id.InitProducerIdRequest(transaction_timeout_ms=1000)
        topic = create_topics.CreatableTopic(me, 2, 1)
        yield create_topics.CreateTopicsRequest([topic])
        for name in (TOPIC, me):
            yield self._batch(name, heard.producer_id)
        group = join_group.JoinGroupRequest(
            me, 10_000, 20_000, "", None, "consumer", [join_group.JoinGroupRequestProtocol("range")]
        )
        group.member_id = (yield group).member_id
        joined = yield group
        generation, member = joined.generation_id, joined.member_id
        yield sync_group.SyncGroupRequest(me, generation, member, None, "consumer", "range")
        place = offset_commit.OffsetCommitRequestPartition(0, 1)
        done = [offset_commit.OffsetCommitRequestTopic(TOPIC, partitions=[place])]
        yield offset_commit.OffsetCommitRequest(me, generation, member, topics=done)
        yield delete_topics.DeleteTopicsRequest(topic_names=[me])
        if self.polite:
            leaving = leave_group.MemberIdentity(member)
            yield leave_group.LeaveGroupRequest(me, members=[leaving])

    def _batch(self, topic: str, producer_id: int) -> produce.ProduceRequest:
        data = records.build(
            [Record(b"x:1", timestamp=self.world.wall_ms())],
            producer_id=producer_id,
            producer_epoch=0,
            base_sequence=0,
        )
        part = produce.PartitionProduceData(0, data)
        to = [produce.TopicProduceData(name=topic, partition_data=[part])]
        return produce.ProduceRequest(acks=-1, timeout_ms=30_000, topic_data=to)

    @override
    def tell(self, wish: Any) -> None:
        self.ask(wish, self.heard_of)


class RocketMqVisitor(RocketMqActor, Visitor):
    """A consumer that pops and acknowledges not all of it, and notes how far it is."""

    @override
    def begin(self) -> None:
        self.enter()

    @override
    def script(self, me: str) -> Script:
        said = f'{{"clientID":"{me}","producerDataSet":[],"consumerDataSet":['
        said += (
            f'{{"groupName":"{me}","consumeType":"CONSUME_PASSIVELY","messageModel":"CLUSTERING",'
        )
        said += '"consumeFromWhere":"CONSUME_FROM_FIRST_OFFSET","subscriptionDataSet":[]}]}'
        yield RequestCode.HEART_BEAT, {}, said.encode()
        yield RequestCode.SEND_MESSAGE_V2, send_fields(TOPIC, 0, {"KEYS": me}), b"x:1"
        yield RequestCode.POP_MESSAGE, self._popping(me), b""
        yield RequestCode.PULL_MESSAGE, pull_fields(TOPIC, 1, 0, me), b""
        place = {"consumerGroup": me, "topic": TOPIC, "queueId": 0}
        yield RequestCode.UPDATE_CONSUMER_OFFSET, {**place, "commitOffset": 1}, b""
        # What becomes of groups is for administrators to say: as Apache's tool does it.
        before = f"{self.name}{self.visits - 1}"
        gone = {"groupName": before, "cleanOffset": True}
        yield RequestCode.DELETE_SUBSCRIPTIONGROUP, gone, b""
        yield RequestCode.DELETE_TOPIC_IN_BROKER, {"topic": retry_topic(before)}, b""
        if self.polite:
            yield RequestCode.UNREGISTER_CLIENT, {"clientID": me, "consumerGroup": me}, b""

    def _popping(self, group: str) -> dict[str, object]:
        place = {"consumerGroup": group, "topic": TOPIC, "queueId": -1}
        how = {"maxMsgNums": 4, "invisibleTime": 10_000, "pollTime": 0, "bornTime": 0}
        return {**place, **how, "initMode": 0, "expType": "TAG", "exp": "*", "order": False}

    @override
    def tell(self, wish: tuple[int, dict[str, object], bytes]) -> None:
        self.ask(*wish, self.heard_of)

    @override
    def on_asked(self, frame: RocketMqFrame) -> None:
        pass
