"""IncrementalAlterConfigs: set, delete, append to or subtract from some configs."""

from collections import Counter
from functools import partial

from anymq.core.catalog import Then
from anymq.core.rights.operations import Operation
from anymq.core.streams.topic_config import Change
from anymq.protocols.kafka import resources
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.pending import Pending
from anymq.protocols.kafka.schema.generated import incremental_alter_configs as schema

KEY = 44
VERSIONS = range(2)


def handle(call: Call, request: schema.IncrementalAlterConfigsRequest) -> None:
    """Change each resource, or only say whether that could be."""
    response = schema.IncrementalAlterConfigsResponse()
    pending = Pending(call, response)
    times_named = Counter((one.resource_type, one.resource_name) for one in request.resources)
    for wanted in request.resources:
        resource = (wanted.resource_type, wanted.resource_name)
        entry = schema.AlterConfigsResourceResponse(
            resource_type=wanted.resource_type, resource_name=wanted.resource_name
        )
        response.responses.append(entry)
        times = times_named[resource]
        pending.ask(entry, partial(_alter, call, wanted, times, request.validate_only))
    pending.all_asked()


def _alter(
    call: Call, wanted: schema.AlterConfigsResource, times: int, check_only: bool, then: Then
) -> None:
    resource = (wanted.resource_type, wanted.resource_name)
    changes = [
        Change(one.name, resources.operation_of(one.config_operation), one.value)
        for one in wanted.configs
    ]
    resources.authorize(call, Operation.ALTER_CONFIGS, resource)
    resources.check_changes(resource, changes, times)
    resources.change(call.broker, resource, changes, then, check_only=check_only)
