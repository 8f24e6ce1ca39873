"""DescribeClientQuotas: there are none."""

from anymq.core.rights.operations import Operation
from anymq.protocols.kafka import authorization, errors
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.schema.generated import describe_client_quotas as schema

KEY = 48
VERSIONS = range(2)


def handle(call: Call, _: schema.DescribeClientQuotasRequest) -> None:
    """Answer with no entries."""
    response = schema.DescribeClientQuotasResponse(entries=[])
    denied = authorization.cluster_error(call, Operation.DESCRIBE_CONFIGS)
    if denied:
        errors.refuse(response, denied, "Cluster authorization failed.")
        response.entries = None
    call.reply(response)
