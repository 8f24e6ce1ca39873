"""ShareGroupDescribe: who is in a share group, and what each member gets."""

from anymq.core.errors import Refused
from anymq.core.rights.operations import Operation
from anymq.core.shares.group import Member
from anymq.protocols.kafka import authorization, errors, operations
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.schema.generated import share_group_describe as schema

KEY = 77
VERSIONS = range(1, 2)
ASSIGNOR = "simple"


def handle(call: Call, request: schema.ShareGroupDescribeRequest) -> None:
    """Answer for each group."""
    asked = request.include_authorized_operations
    names = dict.fromkeys(request.group_ids)  # each once: a few bytes ask for all its members
    groups = [_describe(call, name, rights_asked=asked) for name in names]
    call.reply(schema.ShareGroupDescribeResponse(groups=groups))


def _describe(call: Call, name: str, *, rights_asked: bool) -> schema.DescribedGroup:
    entry = schema.DescribedGroup(group_id=name)
    try:
        authorization.group(call, Operation.DESCRIBE, name)
        group = call.broker.shares.describe(name)
    except Refused as error:
        errors.explain(entry, error)
        return entry
    entry.group_state = group.state
    entry.group_epoch = entry.assignment_epoch = group.epoch
    entry.assignor_name = ASSIGNOR
    entry.members = [_member(call, one) for one in group.members]
    entry.authorized_operations = operations.on_group(call.session.access, name, asked=rights_asked)
    return entry


def _member(call: Call, member: Member) -> schema.Member:
    """Say what it gets, as far as the client may know of these topics."""

    def may(name: str) -> bool:
        return authorization.may_topic(call, Operation.DESCRIBE, name)

    return schema.Member(
        member_id=member.id,
        rack_id=member.rack,
        member_epoch=member.epoch,
        client_id=member.client_id,
        client_host=member.client_host,
        subscribed_topic_names=[name for name in member.topics if may(name)],
        assignment=schema.Assignment(
            [
                schema.TopicPartitions(spot.id, spot.name, list(indexes))
                for spot, indexes in member.assigned
                if may(spot.name)
            ]
        ),
    )
