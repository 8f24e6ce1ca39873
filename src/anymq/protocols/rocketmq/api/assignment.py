"""Assignment: which queues a consumer reads, where it lets us decide; and by pulls or by POP."""

import msgspec

from anymq.core.errors import Invalid
from anymq.core.rights.operations import Operation
from anymq.core.streams.allocation import QueueName, Rooms, Strategy, strategy_named
from anymq.core.streams.topic import Topic
from anymq.protocols.rocketmq import authorization, names, tables
from anymq.protocols.rocketmq.bodies import read
from anymq.protocols.rocketmq.call import Call
from anymq.protocols.rocketmq.codes import RequestCode
from anymq.protocols.rocketmq.errors import BadRequest, Denied, NoTopic
from anymq.protocols.rocketmq.kept import RequestMode, RequestModes

PULL, POP = "PULL", "POP"
BROADCASTING = "BROADCASTING"
ANY = -1  # of all queues, as POP takes them
# Attributes of groups (`mqadmin updateSubGroup -a`): what an administrator says comes before what
# clients ask for.
ALLOCATION, ALLOCATED = "allocation", "allocation.queues"


class _Asked(msgspec.Struct, rename="camel"):
    topic: str
    consumer_group: str
    client_id: str
    strategy_name: str | None = ""
    message_model: str | None = ""


class _Mode(msgspec.Struct, rename="camel"):
    topic: str
    consumer_group: str
    mode: str = PULL
    pop_share_queue_num: int = 0


def assignment(call: Call) -> None:
    """Say which queues of a topic a consumer reads; null: it goes on with what it has."""
    said = read(call.body, _Asked)
    authorization.group(call, Operation.READ, said.consumer_group)
    authorization.topic(call, Operation.READ, said.topic)
    topic = call.broker.topics.get(said.topic)
    mode = _mode_of(call, said.consumer_group, said.topic)
    queues = None if topic is None else _queues(call, said, topic, mode)
    assigned = None
    if queues is not None:
        assigned = [
            {"messageQueue": tables.queue(one.broker, one.topic, one.queue), "mode": mode.mode}
            for one in queues
        ]
    call.answer(body=tables.encode({"messageQueueAssignments": assigned}))


def _mode_of(call: Call, group: str, topic: str) -> RequestMode:
    if topic.startswith(names.RETRY):
        return RequestMode()
    return call.rocketmq.request_modes.of(group).topics.get(topic, RequestMode())


def _queues(call: Call, said: _Asked, topic: Topic, mode: RequestMode) -> list[QueueName] | None:
    broker_name = call.rocketmq.settings.broker_name
    reads, _ = call.rocketmq.topic_settings.of(topic.name).queues(len(topic.partitions))
    queues = [QueueName(topic.name, broker_name, index) for index in range(reads)]
    if said.message_model == BROADCASTING:
        return queues
    members = call.rocketmq.clients.ids(said.consumer_group)
    if not members:
        return None
    if said.client_id not in members:
        return []
    try:
        strategy = _strategy(call, said)
    except Invalid:
        return None
    if mode.mode == POP:
        return _of_pop(strategy, said.client_id, queues, members, mode.pop_share_queue_num)
    return strategy(said.client_id, queues, members)


def _strategy(call: Call, said: _Asked) -> Strategy:
    """Return how the group shares: as its administrator says, else as its members ask."""
    rocketmq = call.rocketmq
    settings = rocketmq.settings
    attributes = rocketmq.group_settings.of(said.consumer_group).attributes
    rooms = dict(settings.rooms)
    if settings.room:
        rooms = {settings.broker_name: settings.room, **rooms}
    config = _config(attributes.get(ALLOCATED, ""), said.topic, settings.broker_name)
    name = attributes.get(ALLOCATION) or said.strategy_name or "AVG"
    return strategy_named(name, Rooms(rooms), config)


def _config(said: str, topic: str, broker_name: str) -> dict[str, list[QueueName]]:
    """Read `client:0 1 2;other:3`: which queues are whose, of every topic."""
    found: dict[str, list[QueueName]] = {}
    for part in said.split(";"):
        client, _, queues = part.rpartition(":")
        found[client] = [
            QueueName(topic, broker_name, int(one)) for one in queues.split() if one.isdecimal()
        ]
    return found


def _of_pop(
    strategy: Strategy, me: str, queues: list[QueueName], members: list[str], others: int
) -> list[QueueName]:
    """POP shares messages, not queues: everyone may have all, or also those of some others."""
    if others <= 0 or others >= len(members) - 1:
        return [queues[0]._replace(queue=ANY)]
    index = members.index(me)
    if len(members) > len(queues):
        return [queues[index % len(queues)]]
    found: list[QueueName] = []
    for step in range(others + 1):
        found += strategy(members[(index + step) % len(members)], queues, members)
    return list(dict.fromkeys(found))


def set_mode(call: Call) -> None:
    """Let a group get a topic by pulls or by POP, where its members ask us."""
    said = read(call.body, _Mode)
    names.check_group(said.consumer_group)
    authorization.group(call, Operation.ALTER, said.consumer_group)
    authorization.topic(call, Operation.READ, said.topic)
    if said.topic.startswith(names.RETRY):
        raise Denied("retry topic is not allowed to set mode")
    if said.topic not in call.broker.topics:
        raise NoTopic(said.topic)
    if said.mode not in (PULL, POP):
        raise BadRequest(f"a mode is {PULL} or {POP}")
    modes = call.rocketmq.request_modes
    topics = dict(modes.of(said.consumer_group).topics)
    topics[said.topic] = RequestMode(said.mode, max(0, said.pop_share_queue_num))

    def kept(error: Exception | None) -> None:
        if error is not None:
            call.fail(error)
        else:
            call.answer()

    call.later()
    modes.put(said.consumer_group, RequestModes(topics), kept)


def modes(call: Call) -> None:
    """Say which were set."""
    authorization.cluster(call, Operation.DESCRIBE)
    kept = call.rocketmq.request_modes
    by_topic: dict[str, dict[str, object]] = {}
    for group in kept:
        for topic, mode in kept.of(group).topics.items():
            row = {"topic": topic, "consumerGroup": group, **msgspec.to_builtins(mode)}
            by_topic.setdefault(topic, {})[group] = row
    call.answer(body=tables.encode({"messageRequestModeMap": by_topic}))


CODES = {
    RequestCode.QUERY_ASSIGNMENT: assignment,
    RequestCode.SET_MESSAGE_REQUEST_MODE: set_mode,
    RequestCode.GET_ALL_MESSAGE_REQUEST_MODE: modes,
}
