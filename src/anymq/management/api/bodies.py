"""What requests may say in their bodies, and behind the question mark: as JSON Schema.

A route that is not here takes no body. tests/unit/management/api/test_openapi.py looks whether all
of this is true.
"""

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "integer"}
BOOLEAN: Schema = {"type": "boolean"}
OBJECT: Schema = {"type": "object"}
ANYTHING: Schema = {}
TIME: Schema = {"oneOf": [NUMBER, TEXT]}
POSITIONS: Schema = {"type": "array", "items": TEXT}
TAGS: Schema = {"oneOf": [TEXT, {"type": "array", "items": TEXT}]}
PRIORITY: Schema = {"oneOf": [NUMBER, TEXT]}


def one_of(*words: str) -> Schema:
    """One of these words."""
    return {"type": "string", "enum": list(words)}


def says(*needed: str, **properties: Schema) -> Schema:
    """An object with these properties; `needed` must be there."""
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    return {**schema, "required": list(needed)} if needed else schema


ARGUMENTS = {"arguments": OBJECT}
POLICY = {
    "pattern": TEXT,
    "definition": OBJECT,
    "priority": PRIORITY,
    "apply-to": one_of("all", "queues", "classic_queues", "quorum_queues", "streams", "exchanges"),
}
SOURCE = says(vhost=TEXT, queue=TEXT, topic=TEXT, partition=NUMBER)
CONDITION = says(name=TEXT, path=TEXT, op=TEXT, value=ANYTHING)
CONDITIONS: Schema = {"type": "array", "items": CONDITION}
FILTER = says(
    **dict.fromkeys(("routing_key", "exchange", "key", "text"), TEXT),
    **dict.fromkeys(("ignore_case", "redelivered"), BOOLEAN),
    **dict.fromkeys(("json", "headers", "properties"), CONDITIONS),
    **dict.fromkeys(("bytes_min", "bytes_max"), NUMBER),
    **dict.fromkeys(("from", "to"), TIME),
    death=says(reason=TEXT, queue=TEXT, exchange=TEXT),
)
JOB = says(
    "action",
    "source",
    action=one_of("search", "delete", "purge", "requeue", "move", "copy", "replay"),
    source=SOURCE,
    filter=FILTER,
    positions=POSITIONS,
    limit=NUMBER,
    from_position=TEXT,
    target=says(queue=TEXT, vhost=TEXT, exchange=TEXT, routing_key=TEXT),
    to=one_of("queue", "exchange"),
    edit=OBJECT,
    truncate=NUMBER,
    encoding=one_of("auto", "base64"),
)
LIMIT = says("value", value=NUMBER)
DEFINITIONS = {
    name: {"type": "array", "items": OBJECT}
    for name in (
        "vhosts",
        "users",
        "permissions",
        "topic_permissions",
        "parameters",
        "global_parameters",
        "policies",
        "queues",
        "exchanges",
        "bindings",
    )
}

SHARE: Schema = {"type": "number", "minimum": 0}
SIZE: Schema = {"oneOf": [{"type": "integer", "minimum": 0}, TEXT]}

BODIES: Mapping[tuple[str, str], Schema] = {
    ("PUT", "/users/:user/signing-secret"): says("secret", secret=TEXT),
    ("POST", "/login"): says("username", "password", username=TEXT, password=TEXT),
    ("PUT", "/users/:user"): says(
        password=TEXT, password_hash=TEXT, hashing_algorithm=TEXT, tags=TAGS
    ),
    ("PUT", "/permissions/:vhost/:user"): says(
        "configure", "write", "read", configure=TEXT, write=TEXT, read=TEXT
    ),
    ("PUT", "/topic-permissions/:vhost/:user"): says(
        "exchange", "write", "read", exchange=TEXT, write=TEXT, read=TEXT
    ),
    ("PUT", "/vhosts/:vhost"): says(
        description=TEXT,
        tags=TAGS,
        default_queue_type=one_of("classic", "quorum", "stream", "undefined"),
        protected_from_deletion=BOOLEAN,
        topic_addresses=BOOLEAN,
        tracing=BOOLEAN,
    ),
    ("PUT", "/exchanges/:vhost/:exchange"): says(
        "type", type=TEXT, durable=BOOLEAN, auto_delete=BOOLEAN, internal=BOOLEAN, **ARGUMENTS
    ),
    ("POST", "/queues/:vhost/:queue/actions"): says("action", action=TEXT),
    ("PUT", "/queues/:vhost/:queue"): says(
        durable=BOOLEAN, auto_delete=BOOLEAN, node=TEXT, **ARGUMENTS
    ),
    ("POST", "/bindings/:vhost/e/:source/:dtype/:destination"): says(routing_key=TEXT, **ARGUMENTS),
    ("POST", "/exchanges/:vhost/:exchange/publish"): says(
        "properties",
        "routing_key",
        "payload",
        "payload_encoding",
        properties=OBJECT,
        routing_key=TEXT,
        payload=TEXT,
        payload_encoding=one_of("string", "base64"),
    ),
    ("POST", "/queues/:vhost/:queue/get"): says(
        "ackmode",
        "count",
        "encoding",
        ackmode=one_of(
            "ack_requeue_true", "ack_requeue_false", "reject_requeue_true", "reject_requeue_false"
        ),
        count=NUMBER,
        encoding=one_of("auto", "base64"),
        truncate=NUMBER,
    ),
    ("PUT", "/topics/:topic"): says(partitions=NUMBER, configs=OBJECT),
    ("PUT", "/topics/:topic/configs"): OBJECT,
    ("POST", "/groups/:group/offsets"): OBJECT,
    ("POST", "/users/bulk-delete"): says("users", users={"type": "array", "items": TEXT}),
    ("POST", "/jobs"): JOB,
    ("PUT", "/events/:stream"): says("rows", rows={"type": "array", "items": OBJECT}),
    ("POST", "/all-configuration"): says(**DEFINITIONS),
    ("POST", "/definitions"): says(**DEFINITIONS),
    ("POST", "/definitions/:vhost"): says(**DEFINITIONS),
    ("PUT", "/policies/:vhost/:name"): says("pattern", "definition", **POLICY),
    ("PUT", "/operator-policies/:vhost/:name"): says("pattern", "definition", **POLICY),
    ("PUT", "/parameters/:component/:vhost/:name"): says("value", value=ANYTHING),
    ("PUT", "/global-parameters/:name"): says("value", value=ANYTHING),
    ("PUT", "/cluster-name"): says("name", name=TEXT),
    ("PUT", "/vhost-limits/:vhost/:name"): LIMIT,
    ("PUT", "/user-limits/:user/:name"): LIMIT,
    ("PUT", "/log-level"): says("level", level=TEXT, part=TEXT),
    ("PUT", "/watermarks"): says(
        memory_high_watermark=says(relative=SHARE, absolute=SIZE),
        disk_free_limit=says(mem_relative=SHARE, absolute=SIZE),
    ),
    ("PUT", "/traces/:vhost/:name"): says(
        pattern=TEXT, events=NUMBER, max_payload_bytes=NUMBER, user=TEXT
    ),
}

LISTING: Mapping[str, Schema] = {
    "page": NUMBER,
    "page_size": NUMBER,
    "name": TEXT,
    "use_regex": BOOLEAN,
    "sort": TEXT,
    "sort_reverse": BOOLEAN,
    "columns": TEXT,
}
SHOWN = {"count": NUMBER, "truncate": NUMBER, "encoding": one_of("auto", "base64")}
BROWSED = {"position": TEXT, "offset": TEXT, "time": TIME, "last": BOOLEAN, **SHOWN}

QUERIES: Mapping[tuple[str, str], Mapping[str, Schema]] = {
    ("DELETE", "/queues/:vhost/:queue"): {"if-empty": BOOLEAN, "if-unused": BOOLEAN},
    ("DELETE", "/exchanges/:vhost/:exchange"): {"if-unused": BOOLEAN},
    ("DELETE", "/topics/:topic/contents"): {"partition": NUMBER, "before": NUMBER},
    ("GET", "/queues/:vhost/:queue/messages"): BROWSED,
    ("GET", "/topics/:topic/partitions/:partition/messages"): BROWSED,
    ("GET", "/dead-letters/:vhost"): {"queue": TEXT},
    ("GET", "/delayed/:vhost"): {"after": TEXT, **SHOWN},
    ("GET", "/transactions/:vhost"): {
        "after": TEXT,
        "count": NUMBER,
        "group": TEXT,
        "topic": TEXT,
    },
    ("GET", "/trace/messages"): {
        "vhost": TEXT,
        "trace": TEXT,
        "message_id": TEXT,
        "correlation_id": TEXT,
        "trace_id": TEXT,
        "queue": TEXT,
        "exchange": TEXT,
        "routing_key": TEXT,
        "user": TEXT,
        "event": TEXT,
        "from": NUMBER,
        "until": NUMBER,
        "count": NUMBER,
    },
}
