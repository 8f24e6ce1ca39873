"""AlterConfigs: the old way: what is not named goes back to its default."""

from collections import Counter
from functools import partial

from anymq.core.catalog import Then
from anymq.core.rights.operations import Operation
from anymq.core.streams.topic_config import Change
from anymq.core.streams.topic_config import Operation as Action
from anymq.protocols.kafka import resources
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.pending import Pending
from anymq.protocols.kafka.schema.generated import alter_configs as schema

KEY = 33
VERSIONS = range(3)


def handle(call: Call, request: schema.AlterConfigsRequest) -> None:
    """Replace each resource's configs, or only say whether that could be."""
    response = schema.AlterConfigsResponse()
    pending = Pending(call, response)
    times_named = Counter((one.resource_type, one.resource_name) for one in request.resources)
    for wanted in request.resources:
        resource = (wanted.resource_type, wanted.resource_name)
        entry = schema.AlterConfigsResourceResponse(
            resource_type=wanted.resource_type, resource_name=wanted.resource_name
        )
        response.responses.append(entry)
        times = times_named[resource]
        pending.ask(entry, partial(_replace, call, wanted, times, request.validate_only))
    pending.all_asked()


def _replace(
    call: Call, wanted: schema.AlterConfigsResource, times: int, check_only: bool, then: Then
) -> None:
    resource = (wanted.resource_type, wanted.resource_name)
    changes = [Change(one.name, Action.SET, one.value) for one in wanted.configs]
    resources.authorize(call, Operation.ALTER_CONFIGS, resource)
    resources.check_changes(resource, changes, times)
    kept = {change.name for change in changes}
    gone = [name for name in resources.current(call.broker, resource) if name not in kept]
    changes.extend(Change(name, Action.DELETE) for name in gone)
    resources.change(call.broker, resource, changes, then, check_only=check_only)
