"""CreatePartitions: let topics have more partitions."""

from collections import Counter
from functools import partial

from anymq.core.catalog import Then
from anymq.core.rights.operations import Operation
from anymq.protocols.kafka import authorization, errors, placement
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.pending import Pending
from anymq.protocols.kafka.placement import InvalidAssignment
from anymq.protocols.kafka.schema.generated import create_partitions as schema

KEY = 37
VERSIONS = range(4)


def handle(call: Call, request: schema.CreatePartitionsRequest) -> None:
    """Add to each, or only say whether that could be."""
    response = schema.CreatePartitionsResponse()
    pending = Pending(call, response, request.timeout_ms)
    times_named = Counter(wanted.name for wanted in request.topics)
    for wanted in request.topics:
        times = times_named.pop(wanted.name, 0)
        if times == 0:
            continue  # answered where it was named first
        entry = schema.CreatePartitionsTopicResult(name=wanted.name)
        response.results.append(entry)
        if times > 1:
            errors.refuse(entry, ErrorCode.INVALID_REQUEST, "Duplicate topic name.")
        else:
            pending.ask(entry, partial(_add, call, wanted, request.validate_only))
    pending.all_asked()


def _add(call: Call, wanted: schema.CreatePartitionsTopic, validate_only: bool, then: Then) -> None:
    broker = call.broker
    authorization.topic(call, Operation.ALTER, wanted.name)
    broker.check_more_partitions(wanted.name, wanted.count)
    if wanted.assignments is not None:
        more = wanted.count - len(broker.topic(wanted.name).partitions)
        _check_assignments(wanted.assignments, more, broker.node_id)
    if validate_only:
        then(None)
    else:
        broker.add_partitions(wanted.name, wanted.count, then)


def _check_assignments(
    assignments: list[schema.CreatePartitionsAssignment], more: int, node_id: int
) -> None:
    if len(assignments) != more:
        raise InvalidAssignment(
            f"Attempted to add {more} additional partition(s), but only {len(assignments)} "
            "assignment(s) were specified."
        )
    for one in assignments:
        placement.check_replicas(one.broker_ids, node_id)
