"""DescribeConfigs: every config of a topic or the broker, its value, and where that comes from."""

from collections.abc import Callable, Iterable

from anymq.core.broker import Broker
from anymq.core.errors import Refused
from anymq.core.rights.operations import Operation
from anymq.core.shares.configs import GROUP_CONFIGS
from anymq.core.streams import naming
from anymq.core.streams.broker_config import BROKER_CONFIGS, UNSET, BrokerConfig
from anymq.core.streams.config_def import ConfigDef, ConfigType, Source
from anymq.core.streams.topic_config import TopicConfig
from anymq.core.streams.topic_configs import TOPIC_CONFIGS
from anymq.protocols.kafka import errors
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.errors import InvalidRequest
from anymq.protocols.kafka.resources import ResourceType, authorize
from anymq.protocols.kafka.schema.generated import describe_configs as schema

KEY = 32
VERSIONS = range(1, 5)

Described = schema.DescribeConfigsResourceResult
Synonym = schema.DescribeConfigsSynonym


def handle(call: Call, request: schema.DescribeConfigsRequest) -> None:
    """Answer for each resource."""
    # Each once, however often it is named: a few bytes ask for kilobytes.
    resources = {(one.resource_type, one.resource_name): one for one in request.resources}
    results = [_describe(call, wanted) for wanted in resources.values()]
    for result in results:
        for config in result.configs:
            _leave_out(config, request)
    call.reply(schema.DescribeConfigsResponse(results=results))


def _leave_out(config: Described, request: schema.DescribeConfigsRequest) -> None:
    """Take away what was not asked for."""
    if not request.include_synonyms:
        config.synonyms = []
    if not request.include_documentation:
        config.documentation = None


def _describe(call: Call, wanted: schema.DescribeConfigsResource) -> schema.DescribeConfigsResult:
    result = schema.DescribeConfigsResult(
        resource_type=wanted.resource_type, resource_name=wanted.resource_name
    )
    try:
        describe = _DESCRIBERS.get(wanted.resource_type)
        if describe is None:
            raise InvalidRequest(f"Unsupported resource type: {wanted.resource_type}")
        kind, name = wanted.resource_type, wanted.resource_name
        authorize(call, Operation.DESCRIBE_CONFIGS, (kind, name))
        names = set(wanted.configuration_keys or ())
        result.configs = [
            one for one in describe(call.broker, name) if not names or one.name in names
        ]
    except Refused as error:
        errors.explain(result, error)
    return result


def _topic(broker: Broker, name: str) -> Iterable[Described]:
    naming.check_name(name)
    config = broker.topic(name).config
    return [
        _entry(
            declared,
            config.value(declared.name),
            config.source(declared.name),
            list(_topic_synonyms(declared, config, broker.config)),
        )
        for declared in TOPIC_CONFIGS.values()
        if not declared.hidden
    ]


def _topic_synonyms(
    declared: ConfigDef, config: TopicConfig, broker_config: BrokerConfig
) -> Iterable[Synonym]:
    """Yield what was set where, strongest first: it holds if what is before it goes."""
    if declared.name in config.overrides:
        yield Synonym(declared.name, config.overrides[declared.name], Source.TOPIC)
    names = [synonym.name for synonym in declared.synonyms]
    yield from _broker_synonyms(names, broker_config)


def _broker_synonyms(names: list[str], config: BrokerConfig) -> Iterable[Synonym]:
    for values, source in (
        (config.for_node, Source.DYNAMIC_BROKER),
        (config.for_all, Source.DYNAMIC_DEFAULT_BROKER),
        (config.static, Source.STATIC_BROKER),
        ({name: BROKER_CONFIGS[name].default for name in names}, Source.DEFAULT),
    ):
        for name in names:
            if values.get(name, UNSET) != UNSET:
                yield Synonym(name, values[name], source)


def _broker(broker: Broker, name: str) -> Iterable[Described]:
    config = broker.config
    if not name:
        # No broker: what was set for all of them, and nothing else.
        return [
            _entry(
                BROKER_CONFIGS[one],
                value,
                Source.DYNAMIC_DEFAULT_BROKER,
                [Synonym(one, value, Source.DYNAMIC_DEFAULT_BROKER)],
            )
            for one, value in config.for_all.items()
        ]
    _check_node(broker, name)
    return [
        _entry(
            declared,
            config.value(declared.name),
            config.source(declared.name),
            list(_broker_synonyms([declared.name], config)),
        )
        for declared in BROKER_CONFIGS.values()
        if not declared.hidden
    ]


def _check_node(broker: Broker, name: str) -> None:
    try:
        node_id = int(name)
    except ValueError:
        raise InvalidRequest(f"Broker id must be an integer, but it is: {name}") from None
    if node_id != broker.node_id:
        raise InvalidRequest(
            f"Unexpected broker id, expected {broker.node_id} or empty string, but received {name}"
        )


def _group(broker: Broker, name: str) -> Iterable[Described]:
    if not name:
        raise InvalidRequest("Group name must not be empty")
    configs = broker.group_configs
    found = []
    for declared in GROUP_CONFIGS.values():
        if not declared.hidden:
            value, source = configs.value(name, declared.name)
            synonyms = [Synonym(declared.name, value, source)]
            found.append(_entry(declared, value, source, synonyms))
    return found


def _no_configs(_: Broker, name: str) -> Iterable[Described]:
    """Refuse a resource without a name; the others have nothing set."""
    if not name:
        raise InvalidRequest("Resource name must not be empty")
    return []


_DESCRIBERS: dict[int, Callable[[Broker, str], Iterable[Described]]] = {
    ResourceType.TOPIC: _topic,
    ResourceType.BROKER: _broker,
    ResourceType.CLIENT_METRICS: _no_configs,
    ResourceType.GROUP: _group,
}


def _entry(declared: ConfigDef, value: str, source: Source, synonyms: list[Synonym]) -> Described:
    secret = declared.type is ConfigType.PASSWORD
    return Described(
        name=declared.name,
        value=None if secret else value,
        read_only=declared.read_only,
        config_source=source,
        is_sensitive=secret,
        synonyms=synonyms,
        config_type=declared.type,
        documentation=declared.doc,
    )
