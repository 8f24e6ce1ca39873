"""DeleteShareGroupOffsets: a share group without members forgets topics."""

from functools import partial

from anymq.core.errors import NotFound, Refused
from anymq.core.rights.operations import Operation
from anymq.protocols.kafka import authorization, errors
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.pending import Pending
from anymq.protocols.kafka.schema.generated import delete_share_group_offsets as schema

KEY = 92
VERSIONS = range(1)

Answer = schema.DeleteShareGroupOffsetsResponseTopic


def handle(call: Call, request: schema.DeleteShareGroupOffsetsRequest) -> None:
    """Forget each topic."""
    response = schema.DeleteShareGroupOffsetsResponse()
    shares = call.broker.shares
    try:
        authorization.group(call, Operation.DELETE, request.group_id)
        shares.check_may_move(request.group_id)
    except Refused as error:
        errors.explain(response, error)
        call.reply(response)
        return
    pending = Pending(call, response)
    for topic in request.topics:
        entry = Answer(topic.topic_name)
        response.responses.append(entry)
        try:
            authorization.topic(call, Operation.READ, topic.topic_name)
            spot = shares.spots.find(topic.topic_name)
            if spot is None:
                raise NotFound("This server does not host this topic-partition.")
            entry.topic_id = spot.id
            pending.ask(entry, partial(shares.drop_topics, request.group_id, [spot.id]))
        except Refused as error:
            errors.explain(entry, error)
    pending.all_asked()
