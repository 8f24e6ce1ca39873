"""What members of share groups say over the wire, for the tests."""

from typing import Any
from uuid import UUID

from anymq.core.message import Envelope, Message, Properties, Run
from anymq.core.queues.queue import Queue
from anymq.protocols.amqp.properties import AMQP_FORM
from anymq.protocols.kafka.schema.generated import (
    incremental_alter_configs,
    metadata,
    produce,
    share_acknowledge,
    share_fetch,
)
from anymq.protocols.kafka.schema.generated.share_group_heartbeat import (
    ShareGroupHeartbeatRequest,
    ShareGroupHeartbeatResponse,
)
from anymq.storage import records
from anymq.storage.records import Record
from anymq.testing.kafka import KafkaDialog, KafkaRoom

GAP, ACCEPT, RELEASE, REJECT, RENEW = range(5)
LEAVES = FINAL = -1
SESSION_SECONDS, LOCK_SECONDS = 45.0, 30.0


def id_of(client: KafkaDialog, name: str) -> UUID:
    asked = metadata.MetadataRequest([metadata.MetadataRequestTopic(name=name)])
    (topic,) = client.ask(asked).topics
    assert topic.error_code == 0
    found: UUID = topic.topic_id
    return found


def beat(
    client: KafkaDialog,
    member: str,
    epoch: int = 0,
    topics: list[str] | None = None,
    group: str = "workers",
) -> ShareGroupHeartbeatResponse:
    asked = ShareGroupHeartbeatRequest(group, member, epoch, None, topics)
    answer: ShareGroupHeartbeatResponse = client.ask(asked)
    return answer


def earliest(client: KafkaDialog, group: str = "workers") -> None:
    config(client, group, "share.auto.offset.reset", "earliest")


def config(client: KafkaDialog, group: str, name: str, value: str) -> int:
    changes = [incremental_alter_configs.AlterableConfig(name, 0, value)]
    resource = incremental_alter_configs.AlterConfigsResource(32, group, changes)
    asked = incremental_alter_configs.IncrementalAlterConfigsRequest([resource])
    return int(client.ask(asked).responses[0].error_code)


def write(client: KafkaDialog, topic: str, *values: bytes, partition: int = 0) -> None:
    """As one batch."""
    batch = records.build([Record(value) for value in values])
    name = "" if topic else topic
    data = [produce.PartitionProduceData(partition, batch)]
    topics = [produce.TopicProduceData(name, id_of(client, topic), data)]
    answer = client.ask(produce.ProduceRequest(None, -1, 1000, topics))
    assert answer.responses[0].partition_responses[0].error_code == 0


def fetching(
    topic: UUID,
    epoch: int = 0,
    *,
    member: str = "ada",
    group: str = "workers",
    partitions: tuple[int, ...] = (0,),
    acks: list[tuple[int, int, list[int]]] | None = None,
    **other: Any,
) -> share_fetch.ShareFetchRequest:
    batches = [share_fetch.AcknowledgementBatch(*ack) for ack in acks or ()]
    wanted = [share_fetch.FetchPartition(one, batches) for one in partitions]
    return share_fetch.ShareFetchRequest(
        group,
        member,
        epoch,
        **{"max_records": 500, "max_wait_ms": 0, **other},
        topics=[share_fetch.FetchTopic(topic, wanted)],
    )


def settling(
    topic: UUID, epoch: int, *acks: tuple[int, int, list[int]], member: str = "ada"
) -> share_acknowledge.ShareAcknowledgeRequest:
    batches = [share_acknowledge.AcknowledgementBatch(*ack) for ack in acks]
    wanted = [share_acknowledge.AcknowledgePartition(0, batches)]
    topics = [share_acknowledge.AcknowledgeTopic(topic, wanted)]
    return share_acknowledge.ShareAcknowledgeRequest("workers", member, epoch, False, topics)


def got(answer: share_fetch.ShareFetchResponse) -> list[tuple[int, int, int]]:
    """Return (first, last, how often) of what was handed out."""
    assert answer.error_code == 0
    return [
        (one.first_offset, one.last_offset, one.delivery_count)
        for topic in answer.responses
        for part in topic.partitions
        for one in part.acquired_records
    ]


def ack_code(answer: Any) -> int:
    """Return how settling went."""
    part = answer.responses[0].partitions[0]
    return int(getattr(part, "acknowledge_error_code", part.error_code))


def queue(room: KafkaRoom, name: str = "work", **arguments: Any) -> Queue:
    made = room.broker.vhost("/").declare_queue(name, durable=True, arguments=arguments)
    room.write_to_disk()
    assert isinstance(made, Queue)
    return made


def put(room: KafkaRoom, name: str, *bodies: bytes, priority: int | None = None) -> None:
    written = AMQP_FORM.write(Properties(delivery_mode=2, priority=priority))
    envelope = Envelope("", name, AMQP_FORM)
    messages = [Message(envelope, written, body, room.clock.wall_ms()) for body in bodies]
    room.broker.vhost("/").publish(Run(messages, persistent=True), None)
    room.broker.turn.run()
    room.write_to_disk()
