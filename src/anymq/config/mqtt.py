"""The settings of MQTT."""

from dataclasses import dataclass
from typing import Literal

from anymq.config.declare import setting
from anymq.config.place import OFF, PORT_MAX
from anymq.config.units import DAY_MS, KIB, MIB, SECOND_MS

EXPIRY_MS_MAX = 0xFFFF_FFFE * SECOND_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Mqtt:
    """Where MQTT clients connect: devices, mostly."""

    host: str = setting("127.0.0.1", "The address to listen at; 0.0.0.0 is every IPv4 address.")
    port: int = setting(
        1883,
        "The port without TLS; 0 takes a free one, -1 none.",
        at_least=OFF,
        at_most=PORT_MAX,
    )
    tls_port: int = setting(
        OFF,
        "The port with TLS (8883 is usual); 0 takes a free one, -1 none.",
        at_least=OFF,
        at_most=PORT_MAX,
    )
    websocket_port: int = setting(
        OFF,
        "The port for MQTT over WebSocket (15675 is usual), at /mqtt and /ws; 0 takes a free one,"
        " -1 none.",
        at_least=OFF,
        at_most=PORT_MAX,
    )
    websocket_tls_port: int = setting(
        OFF,
        "The port for MQTT over WebSocket with TLS (15676 is usual); 0 takes a free one, -1 none.",
        at_least=OFF,
        at_most=PORT_MAX,
    )
    websocket_origins: tuple[str, ...] = setting(
        (),
        "Pages from where may connect by WebSocket, as browsers say it: `https://example.com`; `*`"
        " is any. None: those of this machine, and of `management.host_names`.",
        live=True,
    )
    vhost: str = setting(
        "/", "The virtual host of clients whose user does not name one (VHOST:USER).", live=True
    )
    anonymous: bool = setting(
        True,
        "Let in who gives no user, from this machine only: as guest, while the password of guest is"
        " `guest`.",
        live=True,
    )
    auth_methods: tuple[Literal["SCRAM-SHA-256", "SCRAM-SHA-512"], ...] = setting(
        ("SCRAM-SHA-256", "SCRAM-SHA-512"),
        "The methods of enhanced authentication (AUTH of MQTT 5) that are offered.",
        live=True,
    )
    packet_bytes_max: int = setting(
        16 * MIB, "The biggest packet.", at_least=KIB, at_most=268_435_460, live=True
    )
    keep_alive_s_max: int = setting(
        0,
        "Tell clients of MQTT 5 to say something at least this often; 0: as they like.",
        at_least=0,
        at_most=65_535,
        live=True,
    )
    sys_interval_s: int = setting(
        10,
        "How often figures of the broker below `$SYS/` are published anew, in seconds; 0: there are"
        " none. Who has the tag monitoring or administrator may subscribe to them.",
        at_least=0,
        at_most=3600,
    )
    session_expiry_ms_max: int = setting(
        7 * DAY_MS,
        "How long a session is kept after its client has gone, at most; 0: for ever, if it asks.",
        at_least=0,
        at_most=EXPIRY_MS_MAX,
        live=True,
    )
    sessions_max: int = setting(
        100_000,
        "How many sessions there may be, of clients that are here and that are not.",
        at_least=1,
        live=True,
    )
    subscriptions_max: int = setting(
        10_000, "How many filters a session may have.", at_least=1, live=True
    )
    in_flight_max: int = setting(
        1000,
        "How many messages of QoS 1 and 2 may be under way to a client, and from it (Receive"
        " Maximum).",
        at_least=1,
        at_most=49_151,
        live=True,
    )
    topic_aliases_max: int = setting(
        100,
        "How many topic aliases a client may use, and we.",
        at_least=0,
        at_most=65_535,
        live=True,
    )
    mailbox_messages_max: int = setting(
        100_000,
        "How many messages wait for a client; after that, the oldest go. It holds for sessions that"
        " begin after a change.",
        at_least=1,
        live=True,
    )
    mailbox_bytes_max: int = setting(
        256 * MIB, "How many bytes of messages wait for a client.", at_least=1, live=True
    )
    retained_messages_max: int = setting(
        100_000, "How many messages may be retained; they are all in memory.", at_least=0
    )
    retained_bytes_max: int = setting(
        64 * MIB, "How many bytes of messages may be retained.", at_least=0
    )
