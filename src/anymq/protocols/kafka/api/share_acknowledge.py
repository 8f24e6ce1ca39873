"""ShareAcknowledge: what became of messages. Answered when that would outlive us."""

from anymq.core.errors import Refused
from anymq.protocols.kafka import errors, share_calls
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.errors import InvalidRequest
from anymq.protocols.kafka.schema.generated import share_acknowledge as schema
from anymq.protocols.kafka.share_sessions import INITIAL_EPOCH, ShareSession

KEY = 79
VERSIONS = range(1, 3)


def handle(call: Call, request: schema.ShareAcknowledgeRequest) -> None:
    """Settle each partition, then answer."""
    response = schema.ShareAcknowledgeResponse()
    try:
        if request.share_session_epoch == INITIAL_EPOCH:
            raise InvalidRequest("acknowledgements cannot begin a share session")
        session = share_calls.session_of(
            call, request.group_id, request.member_id, request.share_session_epoch
        )
    except Refused as error:
        errors.explain(response, error)
        call.reply(response)
        return
    settings = call.broker.shares.settings_of(session.group)
    response.acquisition_lock_timeout_ms = settings.lock_ms
    response.responses = [_settle(call, session, topic) for topic in request.topics]
    share_calls.end_if_final(call, session, request.share_session_epoch)
    call.broker.when_settled(lambda error: _answer(call, response, error))


def _settle(
    call: Call, session: ShareSession, topic: schema.AcknowledgeTopic
) -> schema.ShareAcknowledgeTopicResponse:
    answer = schema.ShareAcknowledgeTopicResponse(topic.topic_id)
    for asked in topic.partitions:
        entry = schema.PartitionData(asked.partition_index)
        answer.partitions.append(entry)
        key = (topic.topic_id, asked.partition_index)
        try:
            share_calls.settle(call, session, key, asked.acknowledgement_batches)
        except Refused as error:
            errors.explain(entry, error)
    return answer


def _answer(call: Call, response: schema.ShareAcknowledgeResponse, error: Exception | None) -> None:
    if error is not None:
        errors.explain(response, error)
    call.reply(response)
