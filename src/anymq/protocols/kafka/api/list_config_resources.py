"""ListConfigResources: what has configs."""

from collections.abc import Iterable

from anymq.core.rights.operations import Operation
from anymq.protocols.kafka import authorization
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.resources import ResourceType
from anymq.protocols.kafka.schema.generated import list_config_resources as schema

KEY = 74
VERSIONS = range(2)
ANY_TYPE = 1


def handle(call: Call, request: schema.ListConfigResourcesRequest) -> None:
    """Answer with those of the types asked for; none asked for: all."""
    denied = authorization.cluster_error(call, Operation.DESCRIBE_CONFIGS)
    if denied:
        call.reply(schema.ListConfigResourcesResponse(error_code=denied))
        return
    # The first version was about client metrics only, and nobody has set any.
    everything = set(ResourceType) if call.version >= ANY_TYPE else {ResourceType.CLIENT_METRICS}
    wanted = set(request.resource_types) or everything
    if not wanted <= set(ResourceType):
        call.reply(schema.ListConfigResourcesResponse(error_code=ErrorCode.UNSUPPORTED_VERSION))
        return
    resources = [
        schema.ConfigResource(name, kind)
        for kind in sorted(wanted)
        for name in _names(call, ResourceType(kind))
    ]
    call.reply(schema.ListConfigResourcesResponse(config_resources=resources))


def _names(call: Call, kind: ResourceType) -> Iterable[str]:
    match kind:
        case ResourceType.TOPIC:
            return sorted(call.broker.topics)
        case ResourceType.BROKER | ResourceType.BROKER_LOGGER:
            return [str(call.broker.node_id)]
        case ResourceType.GROUP:
            return call.broker.group_configs.names()
        case _:
            return []
