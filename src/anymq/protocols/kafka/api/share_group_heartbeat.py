"""ShareGroupHeartbeat: a member of a share group comes, lives, or goes; it hears what is its."""

from anymq.core.errors import Refused
from anymq.core.rights.operations import Operation
from anymq.core.shares.group import Heartbeat
from anymq.protocols.kafka import authorization, errors
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.errors import InvalidRequest
from anymq.protocols.kafka.schema.generated import share_group_heartbeat as schema

KEY = 76
VERSIONS = range(1, 2)

LEAVES = -1
GROUP_ID_MAX = 1000  # characters: it is kept among the definitions
MEMBER_ID_MAX = 255  # characters; clients say a UUID

Response = schema.ShareGroupHeartbeatResponse


def handle(call: Call, request: schema.ShareGroupHeartbeatRequest) -> None:
    """Answer at once."""
    response = Response(member_id=request.member_id, member_epoch=request.member_epoch)
    try:
        authorization.group(call, Operation.READ, request.group_id)
        _check(call, request)
        if request.member_epoch == LEAVES:
            call.broker.shares.leave(request.group_id, request.member_id)
        else:
            _beat(call, request, response)
    except Refused as error:
        errors.explain(response, error)
    call.reply(response)


def _check(call: Call, request: schema.ShareGroupHeartbeatRequest) -> None:
    if not request.group_id or len(request.group_id) > GROUP_ID_MAX:
        raise InvalidRequest("GroupId can't be empty, nor very long.")
    if not request.member_id or len(request.member_id) > MEMBER_ID_MAX:
        raise InvalidRequest("MemberId can't be empty, nor very long.")
    if request.member_epoch < LEAVES:
        raise InvalidRequest("MemberEpoch is invalid.")
    topics = request.subscribed_topic_names
    if request.member_epoch == 0 and not topics:
        raise InvalidRequest("SubscribedTopicNames must be set in first request.")
    if len(topics or ()) > call.broker.shares.settings_of(request.group_id).topics_max:
        raise InvalidRequest("too many topics")
    for name in topics or ():
        authorization.topic(call, Operation.DESCRIBE, name)


def _beat(call: Call, request: schema.ShareGroupHeartbeatRequest, response: Response) -> None:
    beat = call.broker.shares.beat(
        request.group_id,
        Heartbeat(
            member_id=request.member_id,
            epoch=request.member_epoch,
            topics=request.subscribed_topic_names,
            rack=request.rack_id,
            client_id=call.client_id,
            client_host=f"/{call.session.peer.host}",
        ),
    )
    response.member_epoch = beat.epoch
    response.heartbeat_interval_ms = beat.interval_ms
    if beat.assigned is not None:
        response.assignment = schema.Assignment(
            [schema.TopicPartitions(spot.id, list(indexes)) for spot, indexes in beat.assigned]
        )
