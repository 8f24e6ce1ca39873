"""DescribeClientQuotas: there are none."""

from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.schema.generated import describe_client_quotas as schema

KEY = 48
VERSIONS = range(2)


def handle(call: Call, _: schema.DescribeClientQuotasRequest) -> None:
    """Answer with no entries."""
    call.reply(schema.DescribeClientQuotasResponse(entries=[]))
