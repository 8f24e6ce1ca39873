"""Connections of Kafka's clients, among those of every protocol."""

from typing import Any

from anymq.management.api import routes
from anymq.management.api.call import Call
from anymq.protocols.kafka.session import Kafka, KafkaSession
from anymq.protocols.session import Peer

PROTOCOL = "Kafka"
VHOST = "/"  # where topics are queues, too


def sessions_of(kafka: Kafka) -> list[KafkaSession]:
    """Return those whose user is known and who have said something."""
    return [
        one for one in kafka.sessions if one.requests and one.authentication.done and not one.closed
    ]


def visible(call: Call) -> list[KafkaSession]:
    """Return those that the caller may see."""
    if not any(vhost.name == VHOST for vhost in call.vhosts_to_see):
        return []
    found = sessions_of(call.site.kafka)
    if call.caller.may_use(routes.MONITORING):
        return found
    return [one for one in found if one.authentication.user == call.caller.name]


def row(call: Call, one: KafkaSession) -> dict[str, Any]:
    """Return what lists say about one."""
    peer, user = one.peer, one.authentication.user
    product, version = one.software
    return {
        "name": peer.connection_name,
        "peer_host": peer.host,
        "peer_port": peer.port,
        "host": peer.local_host,
        "port": peer.local_port,
        "user_provided_name": one.client_id,
        "client_id": one.client_id,
        "user": user,
        "user_who_performed_action": user,
        "vhost": VHOST,
        "node": call.site.node,
        "type": "network",
        "protocol": PROTOCOL,
        "auth_mechanism": one.authentication.mechanism,
        "state": "running",
        "channels": 0,
        "channel_max": 0,
        "frame_max": call.site.kafka.settings.frame_bytes_max,
        "timeout": int(call.site.kafka.settings.idle_seconds_max),
        "connected_at": one.since_ms,
        "client_properties": {
            "product": product,
            "version": version,
            "connection_name": one.client_id,
        },
        "ssl": peer.tls,
        **traffic(call, one, peer),
        **call.site.rates.with_rates(one, {"requests": one.requests}),
    }


def traffic(call: Call, one: object, peer: Peer) -> dict[str, Any]:
    """Return what went over a connection, of any protocol."""
    moved = peer.traffic
    numbers = {"recv_oct": moved.received, "send_oct": moved.sent}
    return call.site.rates.with_rates(one, numbers)


def close(one: KafkaSession, reason: str) -> None:
    """Hang up on one: this protocol has no word for it."""
    one.hang_up(reason)
    one.wake()
