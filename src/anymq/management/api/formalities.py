"""What tools ask of a cluster's nodes and replicas: of one node there is little to say."""

from anymq.management.api import health, routes
from anymq.management.api.call import Call, done
from anymq.management.api.faults import bad_request, no_object, not_found
from anymq.management.http import Answer, json

ROUTES = routes.Routes()
LEADERLESS = "/health/checks/quorum-queues-without-elected-leaders"


@ROUTES.get(f"{LEADERLESS}/all-vhosts")
def leaderless(_: Call) -> Answer:
    """All quorum queues have a leader: this node."""
    return json({"status": "ok"})


@ROUTES.get(f"{LEADERLESS}/all-vhosts/pattern/:pattern")
def leaderless_of_pattern(call: Call) -> Answer:
    """All quorum queues whose names match have a leader."""
    return leaderless(call)


@ROUTES.get(f"{LEADERLESS}/vhost/:vhost")
def leaderless_of_vhost(call: Call) -> Answer:
    """All quorum queues of a virtual host have a leader."""
    return leaderless(call)


@ROUTES.get(f"{LEADERLESS}/vhost/:vhost/pattern/:pattern")
def leaderless_of_vhost_and_pattern(call: Call) -> Answer:
    """All quorum queues of a virtual host whose names match have a leader."""
    return leaderless(call)


@ROUTES.get("/health/checks/metadata-store/initialized/with-data")
def with_data(_: Call) -> Answer:
    """The definitions are loaded, and there are some."""
    return json({"status": "ok"})


@ROUTES.get("/healthchecks/node/:node")
def node(call: Call) -> Answer:
    """The node is well: no alarms."""
    if call.names["node"] != call.site.node:
        raise no_object()
    return health.alarms(call)


@ROUTES.post("/rebalance/queues", routes.ADMINISTRATOR)
def rebalance(_: Call) -> Answer:
    """Spread the leaders of queues over the nodes: there is one."""
    return done()


@ROUTES.post("/queues/:vhost/:queue/actions", routes.ADMINISTRATOR)
def act(call: Call) -> Answer:
    """Do something with a queue: RabbitMQ knows nothing any more that could be done so."""
    if call.names["queue"] not in call.vhost.queues:
        raise not_found("queue_not_found")
    call.need("action")
    raise bad_request(["unknown", call.body["action"]])
