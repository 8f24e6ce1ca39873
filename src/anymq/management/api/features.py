"""What tools ask of RabbitMQ before they use something: feature flags, deprecated features."""

from anymq.management.api import routes
from anymq.management.api.call import Call, done
from anymq.management.api.faults import bad_request
from anymq.management.http import Answer
from anymq.security.passwords import to_rabbitmq_hash

ROUTES = routes.Routes()

# Those that tools look at; every version of RabbitMQ whose behaviour is ours requires them.
FLAGS = (
    ("classic_queue_type_delivery_support", "Deliveries of classic queues are told apart"),
    ("detailed_queues_endpoint", "/api/queues/detailed is there"),
    ("direct_exchange_routing_v2", "Routing by key takes one look"),
    ("drop_unroutable_metric", "Messages that go nowhere are counted"),
    ("empty_basic_get_metric", "Gets that find nothing are counted"),
    ("feature_flags_v2", "Feature flags are there"),
    ("implicit_default_bindings", "The default exchange has no bindings of its own"),
    ("khepri_db", "Definitions are kept by a log"),
    ("listener_records_in_ets", "Listeners are known"),
    ("maintenance_mode_status", "Nodes can be drained"),
    ("message_containers", "Messages keep what each protocol says"),
    ("quorum_queue", "There are quorum queues"),
    ("quorum_queue_non_voters", "Members of quorum queues may join without a vote"),
    ("rabbitmq_4.0.0", "What version 4.0 has"),
    ("rabbitmq_4.1.0", "What version 4.1 has"),
    ("rabbitmq_4.2.0", "What version 4.2 has"),
    ("stream_filtering", "Streams can be filtered"),
    ("stream_queue", "There are streams"),
    ("stream_single_active_consumer", "One consumer of a group reads a stream"),
    ("user_limits", "Users can be limited"),
    ("virtual_host_metadata", "Virtual hosts have a description and tags"),
)


@ROUTES.get("/feature-flags")
def feature_flags(call: Call) -> Answer:
    """What RabbitMQ calls feature flags: all are on."""
    rows = [
        {
            "name": name,
            "desc": about,
            "doc_url": "",
            "state": "enabled",
            "stability": "required",
            "require_level": "hard",
            "experiment_level": "supported",
            "callbacks": [],
            "provided_by": "rabbit",
        }
        for name, about in FLAGS
    ]
    return call.listed(rows, lambda one: one, lambda one: str(one["name"]))


@ROUTES.put("/feature-flags/:name/enable", routes.ADMINISTRATOR)
def enable_feature_flag(call: Call) -> Answer:
    """Switch a feature flag on: those there are, are."""
    if call.names["name"] not in dict(FLAGS):
        raise bad_request("unsupported")
    return done()


@ROUTES.get("/deprecated-features")
def deprecated_features(call: Call) -> Answer:
    """What is going to be taken away: nothing."""
    return call.listed([], dict)


@ROUTES.get("/deprecated-features/used")
def deprecated_features_used(call: Call) -> Answer:
    """What of that is used: nothing."""
    return call.listed([], dict)


@ROUTES.get("/auth/hash_password/:password", routes.ADMINISTRATOR)
def hash_password(call: Call) -> Answer:
    """The hash of a password as RabbitMQ's definitions have it, to write such by hand."""
    said = {"ok": to_rabbitmq_hash(call.names["password"])}
    return call.shown(said)
