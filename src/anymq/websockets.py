"""What is spoken in WebSockets: at which paths, by which names, in which messages."""

from collections.abc import Callable

from anymq.config.model import Settings
from anymq.protocols.mqtt.counters import Counters as MqttCounters
from anymq.protocols.stomp.counters import Counters as StompCounters
from anymq.protocols.websocket.framing import as_stream, as_texts
from anymq.protocols.websocket.handshake import Manners
from anymq.protocols.websocket.session import Inside, Speak

Now = Callable[[], Settings]  # they change while we run


def mqtt_inside(now: Now, speak: Speak, counters: MqttCounters) -> Inside:
    """Return how MQTT is spoken: in binary messages, cut anywhere (3.1.1, 6.0)."""
    manners = Manners(
        paths=("/mqtt", "/ws"),
        subprotocols=("mqtt", "mqttv3.1"),
        subprotocol_required=True,
        origins=lambda: now().mqtt.websocket_origins,
        names=lambda: now().management.host_names,
    )

    def malformed() -> None:
        counters.malformed += 1

    return Inside(
        speak=speak,
        manners=manners,
        pack=as_stream,
        takes_text=False,
        handshake_seconds_max=lambda: now().limits.login_timeout_ms / 1000,
        on_malformed=malformed,
    )


def stomp_inside(now: Now, speak: Speak, counters: StompCounters) -> Inside:
    """Return how STOMP is spoken: text or binary comes, each of our frames is a message."""
    manners = Manners(
        paths=("/stomp", "/ws"),
        subprotocols=("v12.stomp", "v11.stomp", "v10.stomp"),
        origins=lambda: now().stomp.websocket_origins,
        names=lambda: now().management.host_names,
    )

    def malformed() -> None:
        counters.malformed += 1

    return Inside(
        speak=speak,
        manners=manners,
        pack=as_texts,
        takes_text=True,
        handshake_seconds_max=lambda: now().limits.login_timeout_ms / 1000,
        on_malformed=malformed,
    )
