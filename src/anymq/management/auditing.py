"""What of the changes in the broker goes into the audit log."""

from urllib.parse import unquote

from anymq.core.broker import Broker
from anymq.core.changes import Change
from anymq.observability.audit import Actor, Audit
from anymq.protocols.amqp.conversation import Conversation
from anymq.protocols.amqp.login import PROTOCOL as AMQP
from anymq.protocols.kafka.authentication import PROTOCOL as KAFKA
from anymq.protocols.kafka.session import KafkaSession
from anymq.protocols.mqtt.conversation import Conversation as MqttConversation
from anymq.protocols.mqtt.login import PROTOCOL as MQTT
from anymq.protocols.rocketmq.session import RocketMqSession
from anymq.protocols.stomp.conversation import Conversation as StompConversation
from anymq.protocols.stomp.login import PROTOCOL as STOMP

# Definitions that are ours alone: what the broker counts and has to tidy up.
INTERNAL = frozenset({"counters", "starts", "doomed", "texts"})
THE_BROKER = Actor()


def listen(broker: Broker, audit: Audit) -> Audit:
    """Note every definition that is made, changed or unmade, and by whom.

    Those that do not outlive a restart are not definitions: clients make them by the thousand.
    """
    changes = broker.changes

    def on_note(change: Change) -> None:
        if len(change.names) == 1 and change.kind not in INTERNAL:
            name = unquote(change.names[0].partition("/")[2])
            audit.note(_actor(changes.actor), change.action, change.kind, name)

    changes.on_note = on_note
    return audit


def _actor(who: object) -> Actor:
    if isinstance(who, Actor):
        return who
    if isinstance(who, Conversation):
        return Actor(who.user, who.peer.host, AMQP)
    if isinstance(who, MqttConversation):
        return Actor(who.user, who.peer.host, MQTT)
    if isinstance(who, StompConversation):
        return Actor(who.user, who.peer.host, STOMP)
    if isinstance(who, RocketMqSession):
        return Actor(who.user, who.peer.host, who.protocol)
    if isinstance(who, KafkaSession):
        return Actor(who.authentication.user, who.peer.host, KAFKA)
    return THE_BROKER
