"""ApiVersions: what we speak. The first thing every client asks."""

import re

from anymq.protocols.kafka.api.registry import Api
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.schema.generated import api_versions as schema

KEY = 18
VERSIONS = range(5)
BEFORE_AUTHENTICATION = True
SOFTWARE_NAME = 3

# What clients switch on. group.version and the others come with the features they announce.
FEATURES = {"metadata.version": (7, 29), "share.version": (1, 1)}
FINALIZED_EPOCH = 1

_SOFTWARE = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?")


def handle(call: Call, request: schema.ApiVersionsRequest | None) -> None:
    """Answer; `request` is None when it was of a version that we do not know."""
    if request is None:
        call.reply(_response(call, ErrorCode.UNSUPPORTED_VERSION))
    elif call.version >= SOFTWARE_NAME and not _introduces_itself(request):
        call.reply(schema.ApiVersionsResponse(error_code=ErrorCode.INVALID_REQUEST))
    else:
        if call.version >= SOFTWARE_NAME:
            software = (request.client_software_name, request.client_software_version)
            call.session.software = software
        call.reply(_response(call, ErrorCode.NONE))


def _introduces_itself(request: schema.ApiVersionsRequest) -> bool:
    said = (request.client_software_name, request.client_software_version)
    return all(_SOFTWARE.fullmatch(one) for one in said)


def _response(call: Call, code: ErrorCode) -> schema.ApiVersionsResponse:
    return schema.ApiVersionsResponse(
        error_code=code,
        api_keys=[_entry(api) for api in call.session.kafka.apis.values()],
        finalized_features_epoch=FINALIZED_EPOCH,
        supported_features=[
            schema.SupportedFeatureKey(name, low, high) for name, (low, high) in FEATURES.items()
        ],
        finalized_features=[
            schema.FinalizedFeatureKey(name, high, high) for name, (_, high) in FEATURES.items()
        ],
    )


def _entry(api: Api) -> schema.ApiVersion:
    return schema.ApiVersion(api.key, api.advertised_min, api.versions[-1])
