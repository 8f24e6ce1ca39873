"""What rabbitmqadmin can list, declare, delete: a table."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of things, and what may be said of one. The path's {names} are quoted."""

    path: tuple[str, ...]
    mandatory: tuple[str | tuple[str, ...], ...] = ("name",)  # a tuple: one of these
    optional: Mapping[str, object] = field(default_factory=dict)
    as_json: tuple[str, ...] = ()

    @property
    def known(self) -> set[str]:
        """All names of arguments."""
        found = set(self.optional)
        for each in self.mandatory:
            found |= {each} if isinstance(each, str) else set(each)
        return found


# What is listed, whether by virtual host, and which columns are usual.
LISTABLE: Mapping[str, tuple[bool, tuple[str, ...]]] = {
    "connections": (False, ("name", "user", "channels")),
    "channels": (False, ("name", "user")),
    "consumers": (True, ()),
    "exchanges": (True, ("name", "type")),
    "queues": (True, ("name", "messages")),
    "bindings": (True, ("source", "destination", "routing_key")),
    "users": (False, ()),
    "vhosts": (False, ("name", "messages")),
    "permissions": (False, ()),
    "topic_permissions": (False, ()),
    "nodes": (False, ("name", "type", "mem_used")),
    "parameters": (False, ()),
    "global_parameters": (False, ()),
    "policies": (False, ()),
    "operator_policies": (False, ()),
    "vhost_limits": (False, ()),
    "user_limits": (False, ()),
    "feature_flags": (False, ("name", "state")),
    "deprecated_features": (False, ()),
    "shovels": (False, ()),
}
SHOWN_AS_JSON = ("value", "definition")
OVERVIEW = (
    "rabbitmq_version",
    "cluster_name",
    "queue_totals.messages",
    "object_totals.queues",
)
EXCHANGE = ("exchanges", "{vhost}", "{name}")
QUEUE = ("queues", "{vhost}", "{name}")
BINDING = ("bindings", "{vhost}", "e", "{source}", "{destination_char}", "{destination}")
PERMISSION = ("permissions", "{vhost}", "{user}")
TOPIC_PERMISSION = ("topic-permissions", "{vhost}", "{user}")
PARAMETER = ("parameters", "{component}", "{vhost}", "{name}")
GLOBAL_PARAMETER = ("global-parameters", "{name}")
POLICIES, OPERATOR_POLICIES = (
    ("policies", "{vhost}", "{name}"),
    ("operator-policies", "{vhost}", "{name}"),
)
VHOST_LIMIT, USER_LIMIT = ("vhost-limits", "{vhost}", "{name}"), ("user-limits", "{user}", "{name}")
OBJECT = {"auto_delete": "false", "durable": "true", "arguments": {}}

DECLARABLE: Mapping[str, Kind] = {
    "exchange": Kind(EXCHANGE, ("name", "type"), {**OBJECT, "internal": "false"}, ("arguments",)),
    "queue": Kind(QUEUE, ("name",), {**OBJECT, "node": None, "queue_type": None}, ("arguments",)),
    "stream": Kind(
        QUEUE,
        ("name",),
        {
            "arguments": {},
            "expiration": None,
            "max_length_bytes": None,
            "max_segment_length_bytes": None,
        },
        ("arguments",),
    ),
    "binding": Kind(
        BINDING,
        ("source", "destination"),
        {"destination_type": "queue", "routing_key": "", "arguments": {}},
        ("arguments",),
    ),
    "vhost": Kind(
        ("vhosts", "{name}"),
        ("name",),
        {"tracing": None, "description": None, "tags": None, "default_queue_type": None},
    ),
    "user": Kind(
        ("users", "{name}"),
        ("name", ("password", "password_hash"), "tags"),
        {"hashing_algorithm": None},
    ),
    "permission": Kind(PERMISSION, ("vhost", "user", "configure", "write", "read")),
    "topic_permission": Kind(TOPIC_PERMISSION, ("vhost", "user", "exchange", "write", "read")),
    "parameter": Kind(PARAMETER, ("component", "name", "value"), as_json=("value",)),
    "global_parameter": Kind(GLOBAL_PARAMETER, ("name", "value"), as_json=("value",)),
    "policy": Kind(
        POLICIES,
        ("name", "pattern", "definition"),
        {"priority": 0, "apply-to": None},
        ("definition", "priority"),
    ),
    "operator_policy": Kind(
        OPERATOR_POLICIES,
        ("name", "pattern", "definition"),
        {"priority": 0, "apply-to": None},
        ("definition", "priority"),
    ),
    "vhost_limit": Kind(VHOST_LIMIT, ("vhost", "name", "value"), as_json=("value",)),
    "user_limit": Kind(USER_LIMIT, ("user", "name", "value"), as_json=("value",)),
}
DELETABLE: Mapping[str, Kind] = {
    "exchange": Kind(EXCHANGE),
    "queue": Kind(QUEUE),
    "stream": Kind(QUEUE),
    "binding": Kind(
        (*BINDING, "{properties_key}"),
        ("source", "destination_type", "destination"),
        {"properties_key": "~", "routing_key": None, "arguments": None},
        ("arguments",),
    ),
    "vhost": Kind(("vhosts", "{name}")),
    "user": Kind(("users", "{name}")),
    "permission": Kind(PERMISSION, ("vhost", "user")),
    "topic_permission": Kind(TOPIC_PERMISSION, ("vhost", "user")),
    "parameter": Kind(PARAMETER, ("component", "name")),
    "global_parameter": Kind(GLOBAL_PARAMETER),
    "policy": Kind(POLICIES),
    "operator_policy": Kind(OPERATOR_POLICIES),
    "vhost_limit": Kind(VHOST_LIMIT, ("vhost", "name")),
    "user_limit": Kind(USER_LIMIT, ("user", "name")),
}
CLOSABLE = {
    "connection": Kind(("connections", "{name}")),
    "user_connections": Kind(("connections", "username", "{username}"), ("username",)),
}
PURGABLE = {"queue": Kind((*QUEUE, "contents"))}
PUBLISH = Kind(
    ("exchanges", "{vhost}", "{exchange}", "publish"),
    ("routing_key",),
    {
        "payload": None,
        "properties": {},
        "exchange": "amq.default",
        "payload_encoding": "string",
    },
    ("properties",),
)
GET = Kind(
    ("queues", "{vhost}", "{queue}", "get"),
    ("queue",),
    {"count": "1", "ackmode": "ack_requeue_true", "payload_file": None, "encoding": "auto"},
)
