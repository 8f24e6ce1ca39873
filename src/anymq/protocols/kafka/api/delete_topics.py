"""DeleteTopics: forget topics, by name or by id."""

from collections import Counter
from functools import partial
from uuid import UUID

from anymq.core.catalog import Then
from anymq.core.rights.operations import Operation
from anymq.protocols.kafka import authorization, errors
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.errors import InvalidRequest
from anymq.protocols.kafka.pending import Pending
from anymq.protocols.kafka.primitives import NULL_UUID
from anymq.protocols.kafka.schema.generated import delete_topics as schema

KEY = 20
VERSIONS = range(1, 7)
DELETION_DISABLED = 3
TOPIC_IDS = 6

Wanted = tuple[str | None, UUID]  # one of them says which topic


def handle(call: Call, request: schema.DeleteTopicsRequest) -> None:
    """Delete each."""
    wanted: list[Wanted] = (
        [(one.name, one.topic_id) for one in request.topics]
        if call.version >= TOPIC_IDS
        else [(name, NULL_UUID) for name in request.topic_names]
    )
    response = schema.DeleteTopicsResponse()
    pending = Pending(call, response, request.timeout_ms)
    times_named = Counter(wanted)
    for one, times in times_named.items():
        entry = schema.DeletableTopicResult(name=one[0], topic_id=one[1])
        response.responses.append(entry)
        pending.ask(entry, partial(_delete, call, entry, times))
    pending.all_asked()


def _delete(call: Call, entry: schema.DeletableTopicResult, times: int, then: Then) -> None:
    if call.broker.config.value("delete.topic.enable").lower() != "true":
        new = call.version >= DELETION_DISABLED
        code = ErrorCode.TOPIC_DELETION_DISABLED if new else ErrorCode.INVALID_REQUEST
        errors.refuse(entry, code, "Topic deletion is disabled.")
        then(None)
        return
    _check(entry, times)
    if entry.name is None:
        name = call.broker.topic_by_id(entry.topic_id).name
        authorization.topic(call, Operation.DESCRIBE, name)  # else not even its name is told
        entry.name = name
        authorization.topic(call, Operation.DELETE, name)
    else:
        authorization.topic(call, Operation.DELETE, entry.name)
        entry.topic_id = call.broker.topic(entry.name).id
    call.broker.delete_topic(entry.name, then)


def _check(entry: schema.DeletableTopicResult, times: int) -> None:
    by_id = entry.topic_id != NULL_UUID
    if entry.name is None and not by_id:
        raise InvalidRequest("Neither topic name nor id were specified.")
    if entry.name is not None and by_id:
        raise InvalidRequest("You may not specify both topic name and topic id.")
    if times > 1:
        raise InvalidRequest("Duplicate topic id." if by_id else "Duplicate topic name.")
