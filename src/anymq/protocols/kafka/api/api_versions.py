"""ApiVersions: what we speak. The first thing every client asks."""

from anymq.protocols.kafka.api.registry import Api
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.schema.generated import api_versions as schema

KEY = 18
VERSIONS = range(5)
BEFORE_AUTHENTICATION = True

# What clients switch on. group.version and the others come with the features they announce.
FEATURES = {"metadata.version": (1, 29)}
FINALIZED_EPOCH = 1


def handle(call: Call, request: schema.ApiVersionsRequest | None) -> None:
    """Answer; `request` is None when it was of a version that we do not know."""
    code = ErrorCode.UNSUPPORTED_VERSION if request is None else ErrorCode.NONE
    apis = call.session.kafka.apis.values()
    response = schema.ApiVersionsResponse(error_code=code, api_keys=[_entry(api) for api in apis])
    response.finalized_features_epoch = FINALIZED_EPOCH
    response.supported_features = [
        schema.SupportedFeatureKey(name=name, min_version=low, max_version=high)
        for name, (low, high) in FEATURES.items()
    ]
    response.finalized_features = [
        schema.FinalizedFeatureKey(name=name, max_version_level=high, min_version_level=high)
        for name, (_, high) in FEATURES.items()
    ]
    call.reply(response)


def _entry(api: Api) -> schema.ApiVersion:
    return schema.ApiVersion(
        api_key=api.key, min_version=api.advertised_min, max_version=api.versions[-1]
    )
