"""Connections of every protocol; channels and consumers of AMQP."""

from collections.abc import Iterator
from typing import Any

from anymq.management.api import kafka_clients, routes, talkers
from anymq.management.api.call import Call, done
from anymq.management.api.faults import no_object, not_authorized
from anymq.management.api.values import to_json
from anymq.management.http import Answer
from anymq.protocols.amqp.channel import Channel
from anymq.protocols.amqp.channels import Channels
from anymq.protocols.amqp.consuming import Consumer
from anymq.protocols.amqp.conversation import Conversation
from anymq.protocols.amqp.errors import ConnectionFault, ReplyCode
from anymq.protocols.kafka.session import KafkaSession
from anymq.protocols.session import Peer, Talker

ROUTES = routes.Routes()
REASON_MAX = 200

Client = Conversation | KafkaSession | Talker


@ROUTES.get("/connections")
def connections(call: Call) -> Answer:
    """All connections, of every protocol."""
    return _listed(call, clients(call))


@ROUTES.get("/vhosts/:vhost/connections")
def connections_of_vhost(call: Call) -> Answer:
    """The connections to a virtual host."""
    return connections(call)


@ROUTES.get("/connections/:connection", routes.USER)
def connection(call: Call) -> Answer:
    """One connection, by its name or the one its client gave it."""
    return call.shown(row(call, _find(call)))


@ROUTES.delete("/connections/:connection", routes.USER)
def close_connection(call: Call) -> Answer:
    """Close a connection; the header X-Reason says why."""
    one = _find(call)
    _check_close(call, one)
    _close(call, one)
    return done()


@ROUTES.get("/connections/username/:username", routes.USER)
def connections_of_user(call: Call) -> Answer:
    """The connections of a user."""
    return _listed(call, _of_user(call))


@ROUTES.delete("/connections/username/:username", routes.USER)
def close_connections_of_user(call: Call) -> Answer:
    """Close all connections of a user."""
    for one in _of_user(call):
        _check_close(call, one)
        _close(call, one)
    return done()


@ROUTES.get("/connections/:connection/channels", routes.USER)
def channels_of_connection(call: Call) -> Answer:
    """The channels of a connection."""
    one = _find(call)
    return _listed_channels(call, [one] if isinstance(one, Conversation) else [])


@ROUTES.get("/channels")
def channels(call: Call) -> Answer:
    """All channels."""
    return _listed_channels(call, _conversations(call))


@ROUTES.get("/vhosts/:vhost/channels")
def channels_of_vhost(call: Call) -> Answer:
    """The channels in a virtual host."""
    return channels(call)


@ROUTES.get("/channels/:channel", routes.USER)
def channel(call: Call) -> Answer:
    """One channel, by its name."""
    for one in _channels(_conversations(call)):
        if channel_name(one) == call.names["channel"]:
            details = [consumer_row(call, each.subscription) for each in one.consumers.values()]
            return call.shown({**channel_row(call, one), "consumer_details": details})
    raise no_object()


@ROUTES.get("/consumers")
def consumers(call: Call) -> Answer:
    """All consumers."""
    every = [
        each.subscription
        for one in _channels(_conversations(call))
        for each in one.consumers.values()
        if each.subscription is not None
    ]
    return call.listed(every, lambda one: consumer_row(call, one), lambda one: one.tag)


@ROUTES.get("/consumers/:vhost")
def consumers_of_vhost(call: Call) -> Answer:
    """The consumers in a virtual host."""
    return consumers(call)


def owner_row(owner: object) -> dict[str, Any]:
    """Say whose exclusive queue it is."""
    peer = owner.peer if isinstance(owner, Channels) else None
    return {} if peer is None else _peer(peer)


def consumer_row(call: Call, one: Any) -> dict[str, Any]:
    """Return what there is to say about a consumer."""
    consumer = one.consumer
    mine = consumer.channel if isinstance(consumer, Consumer) else None
    return {
        "consumer_tag": one.tag,
        "queue": {"name": one.queue.name, "vhost": one.queue.vhost_name},
        "ack_required": not one.no_ack,
        "exclusive": one.exclusive,
        "active": one.active,
        "activity_status": "up" if one.active else "waiting",
        "prefetch_count": getattr(consumer, "prefetch", 0),
        "arguments": to_json(one.arguments),
        "consumer_timeout": one.timeout_ms,
        "channel_details": {} if mine is None else _channel_details(call, mine),
    }


def channel_name(one: Channel) -> str:
    """Return how RabbitMQ's tools call a channel."""
    return f"{_connection_name(one)} ({one.number})"


# Within


def _conversations(call: Call) -> list[Conversation]:
    wanted = {vhost.name for vhost in call.vhosts_to_see}
    sees_all = call.caller.may_use(routes.MONITORING)
    found = [
        one
        for one in call.site.amqp.conversations
        if one.channels is not None
        and one.channels.vhost.name in wanted
        and (sees_all or one.user == call.caller.name)
    ]
    return sorted(found, key=lambda one: (one.since_ms, one.name))


def clients(call: Call) -> list[Client]:
    """Return all connections that this caller may see, the oldest first."""
    found: list[Client] = [
        *_conversations(call),
        *kafka_clients.visible(call),
        *talkers.visible(call),
    ]
    return sorted(found, key=lambda one: (one.since_ms, name_of(one)))


def name_of(one: Client) -> str:
    """Return how a connection is called."""
    return one.peer.connection_name


def row(call: Call, one: Client) -> dict[str, Any]:
    """Return what lists say about a connection."""
    if isinstance(one, Conversation):
        return _connection(call, one)
    return kafka_clients.row(call, one) if isinstance(one, KafkaSession) else talkers.row(call, one)


def _listed(call: Call, some: list[Client]) -> Answer:
    return call.listed(some, lambda one: row(call, one), name_of, {"name": name_of})


def _find(call: Call) -> Client:
    wanted = call.names["connection"]
    for one in clients(call):
        if wanted in (name_of(one), _own_name(one)):
            return one
    raise no_object()


def _own_name(one: Client) -> object:
    """Return the name that the client gave it."""
    if isinstance(one, Conversation):
        return one.client_properties.get("connection_name")
    return one.client_id or None


def _of_user(call: Call) -> list[Client]:
    return [one for one in clients(call) if user_of(one) == call.names["username"]]


def user_of(one: Client) -> str:
    """Return whose connection it is."""
    return one.authentication.user if isinstance(one, KafkaSession) else one.user


def _check_close(call: Call, one: Client) -> None:
    """His own, or as an administrator."""
    if user_of(one) != call.caller.name and not call.caller.may_use(routes.ADMINISTRATOR):
        raise not_authorized()


def _close(call: Call, one: Client) -> None:
    reason = call.request.headers.get("x-reason", "Closed via management API")[:REASON_MAX]
    reason = reason.encode("ascii", "replace").decode()
    if isinstance(one, KafkaSession):
        kafka_clients.close(one, reason)
    elif isinstance(one, Conversation):
        one.fault(ConnectionFault(ReplyCode.CONNECTION_FORCED, reason, method=0))
    else:
        one.hang_up(reason)


def all_channels(call: Call) -> Iterator[Channel]:
    """Go through the channels that this caller may see."""
    return _channels(_conversations(call))


def _channels(every: list[Conversation]) -> Iterator[Channel]:
    for one in every:
        if one.channels is not None:
            for each in list(one.channels.all.values()):
                if isinstance(each, Channel):
                    yield each


def _listed_channels(call: Call, every: list[Conversation]) -> Answer:
    return call.listed(
        list(_channels(every)),
        lambda one: channel_row(call, one),
        channel_name,
        {"name": channel_name},
    )


def _connection(call: Call, one: Conversation) -> dict[str, Any]:
    peer, mine = one.peer, one.channels
    properties = to_json(one.client_properties)
    return {
        **_peer(peer),
        "host": peer.local_host,
        "port": peer.local_port,
        "user_provided_name": properties.get("connection_name", ""),
        "user": one.user,
        "user_who_performed_action": one.user,
        "vhost": "" if mine is None else mine.vhost.name,
        "node": call.site.node,
        "type": "network",
        "protocol": "AMQP 0-9-1",
        "auth_mechanism": one.mechanism,
        "state": "running",
        "channels": 0 if mine is None else len(mine),
        "channel_max": one.channel_max,
        "frame_max": one.frame_max,
        "timeout": one.heartbeat,
        "connected_at": one.since_ms,
        "client_properties": properties,
        "ssl": peer.tls,
        **kafka_clients.traffic(call, one, peer),
    }


def _peer(peer: Peer) -> dict[str, Any]:
    return {"name": peer.connection_name, "peer_host": peer.host, "peer_port": peer.port}


def _connection_name(one: Channel) -> str:
    peer = _peer_of(one)
    return "" if peer is None else peer.connection_name


def _peer_of(one: Channel) -> Peer | None:
    return one.wire.peer if isinstance(one.wire, Channels) else None


def channel_row(call: Call, one: Channel) -> dict[str, Any]:
    """Return what lists say about a channel."""
    peer = _peer_of(one)
    confirms = one.confirms
    numbers = {
        "publish": one.published,
        "confirm": one.confirmed,
        "return_unroutable": one.returned,
        "deliver_get": one.delivered,
        "ack": one.acknowledged,
    }
    return {
        "name": channel_name(one),
        "number": one.number,
        "connection_details": {} if peer is None else _peer(peer),
        "user": one.wire.user,
        "user_who_performed_action": one.wire.user,
        "vhost": one.wire.vhost.name,
        "node": call.site.node,
        "state": "running",
        "confirm": confirms is not None,
        "transactional": one.transaction is not None,
        "consumer_count": len(one.consumers),
        "prefetch_count": one.prefetch,
        "global_prefetch_count": one.shared_prefetch,
        "messages_unacknowledged": len(one.unacked),
        "messages_unconfirmed": 0 if confirms is None else confirms.waiting,
        "message_stats": call.site.rates.with_rates(one, numbers),
    }


def _channel_details(call: Call, one: Channel) -> dict[str, Any]:
    peer = _peer_of(one)
    return {
        "name": channel_name(one),
        "number": one.number,
        "connection_name": _connection_name(one),
        "node": call.site.node,
        "user": one.wire.user,
        "peer_host": "" if peer is None else peer.host,
        "peer_port": 0 if peer is None else peer.port,
    }
