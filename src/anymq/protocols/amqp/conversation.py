"""The connection's part of the conversation: from the greeting to the end, on channel 0."""

import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import anymq
from anymq.core.broker import Broker
from anymq.core.errors import NotAllowed
from anymq.observability.log import Log
from anymq.protocols.amqp import login
from anymq.protocols.amqp.channels import Channels
from anymq.protocols.amqp.codec import AMQP_0_9, AMQP_0_9_1, method_frame
from anymq.protocols.amqp.counters import Counters
from anymq.protocols.amqp.errors import AmqpError, ConnectionFault, ReplyCode, forced
from anymq.protocols.amqp.fields import Table
from anymq.protocols.amqp.methods import (
    ConnectionClose,
    ConnectionCloseOk,
    ConnectionOpen,
    ConnectionOpenOk,
    ConnectionStart,
    ConnectionStartOk,
    ConnectionTune,
    ConnectionTuneOk,
    ConnectionUpdateSecret,
    ConnectionUpdateSecretOk,
    Method,
)
from anymq.protocols.amqp.settings import FRAME_MIN_BYTES, AmqpSettings
from anymq.protocols.amqp.wire import MakeChannel
from anymq.protocols.memory import Memory
from anymq.protocols.session import Outbox, Peer
from anymq.security.gate import Claim, Gate, Verdict
from anymq.security.tokens import is_token
from anymq.security.users import Users

CHANNELS_MIN = 1
CLOSING_SECONDS = 30.0  # how long the answer to our close may take
SILENT_SECONDS = 3.0  # whom we tell nothing waits so long: guessing passwords takes time
COMPAT_VERSION = "4.3.6"  # what is behind `compat_product`: these behaviours are RabbitMQ's of then

CAPABILITIES: Mapping[str, bool] = {
    "publisher_confirms": True,
    "exchange_exchange_bindings": True,
    "basic.nack": True,
    "consumer_cancel_notify": True,
    "connection.blocked": True,
    "consumer_priorities": True,
    "authentication_failure_close": True,
    "per_consumer_qos": True,
    "direct_reply_to": True,
}

log = Log("anymq.amqp")


class State(IntEnum):
    """How far we are. The names are those of RabbitMQ's error texts."""

    GREETING = 0
    STARTING = 1
    TUNING = 2
    OPENING = 3
    RUNNING = 4
    CLOSING = 5  # they asked for the end, which waits for the disk
    CLOSED = 6  # we asked for it, and wait for their close-ok
    DEAF = 7  # whatever they say now is read and forgotten
    ENDED = 8


@dataclass(slots=True)
class Amqp:
    """What all sessions of all listeners share."""

    broker: Broker
    settings: AmqpSettings  # may be replaced
    users: Users
    counters: Counters
    memory: Memory
    make_channel: MakeChannel
    gate: Gate
    conversations: set["Conversation"] = field(default_factory=set)  # those that are open

    @property
    def channel_count(self) -> int:
        """How many channels all of them have."""
        return sum(len(one.channels) for one in self.conversations if one.channels is not None)

    def say_goodbye(self, why: str) -> None:
        """Tell everybody that the broker ends."""
        if self.conversations:
            log.info("AMQP connections are closed", count=len(self.conversations), reason=why)
        for conversation in list(self.conversations):
            conversation.fault(forced(why), news=False)


class Conversation:
    """What was said so far, and what comes next."""

    __slots__ = (
        "__weakref__",
        "_deadline",
        "_on_end",
        "_outbox",
        "amqp",
        "channel_max",
        "channels",
        "checking",
        "client_properties",
        "frame_max",
        "heartbeat",
        "mechanism",
        "peer",
        "reason",
        "settings",
        "since_ms",
        "state",
        "user",
    )

    def __init__(
        self, amqp: Amqp, outbox: Outbox, peer: Peer, on_end: Callable[[str], None]
    ) -> None:
        self.amqp = amqp
        self.settings = amqp.settings
        self.peer = peer
        self.state = State.GREETING
        self.reason = ""  # why, for the log
        self.user = ""
        self.mechanism = ""
        self.checking = False  # is a password looked at? Until that is done, nothing more is read
        self.client_properties: Table = {}
        self.frame_max = amqp.settings.frame_bytes_max_before_login
        self.channel_max = 0
        self.heartbeat = 0  # seconds
        self.since_ms = amqp.broker.clock.wall_ms()
        self.channels: Channels | None = None  # once it is open
        self._on_end = on_end
        self._outbox = outbox
        self._deadline = self._after(amqp.settings.handshake_seconds_max)

    @property
    def capabilities(self) -> Mapping[str, Any]:
        """What the client can do."""
        known = self.client_properties.get("capabilities")
        return known if isinstance(known, Mapping) else {}

    @property
    def name(self) -> str:
        """As RabbitMQ's tools show it."""
        return self.peer.connection_name

    def greet(self, header: bytes) -> None:
        """Answer the first eight bytes."""
        if header not in (AMQP_0_9_1, AMQP_0_9):
            # Whoever wanted another version learns which one there is.
            self._outbox.write(AMQP_0_9_1)
            self.amqp.counters.malformed += 1
            self.end(f"it did not greet as AMQP 0-9-1 does{_perhaps(header)}")
            return
        self.state = State.STARTING
        mechanisms = " ".join(login.offered(self.settings.mechanisms, self._door()))
        properties = server_properties(self.settings)
        self._send(ConnectionStart(0, 9, properties, mechanisms.encode(), b"en_US"))

    def on_method(self, method: Method) -> None:
        """Act on a method for the connection."""
        handler = _HANDLERS.get((type(method), self.state))
        if handler is not None:
            handler(self, method)
        elif self.state < State.CLOSING:
            raise ConnectionFault(
                ReplyCode.CHANNEL_ERROR,
                f"unexpected method in connection state {self.state.name.lower()}",
            )

    def fault(
        self, error: AmqpError, method: int = 0, *, deaf: bool = False, news: bool = True
    ) -> None:
        """End the connection for an error. `deaf`: what comes after it cannot be understood.

        `news`: the log does not know of it.
        """
        if self.state >= State.CLOSED:
            return
        method = method if error.method is None else error.method
        self._give_up()
        told = self._may_be_told(error)
        if told:
            self._send(ConnectionClose(error.code, error.reply_text, method >> 16, method & 0xFFFF))
            self.reason = error.reply_text
        else:
            self.reason = f"{error.reply_text} (in state {self.state.name.lower()})"
        self.state = State.DEAF if deaf or not told else State.CLOSED
        waits = CLOSING_SECONDS if self.state is State.CLOSED else SILENT_SECONDS
        self._deadline = self._after(waits)
        if news:
            log.warning("AMQP connection error", peer=str(self.peer), reason=self.reason)

    def end(self, why: str = "") -> None:
        """Hang up when everything is sent; what it held goes to others at once."""
        self._give_up()
        self.state = State.ENDED
        self._on_end(self.reason or why)

    def peer_gone(self) -> None:
        """Give back what it held."""
        self._give_up()
        self.state = State.ENDED
        self._on_end(self.reason)

    def tick(self, now: float) -> None:
        """End what takes too long."""
        if self.state is State.RUNNING or now < self._deadline:
            return
        if self.state < State.RUNNING:
            self.end(f"handshake_timeout (in state {self.state.name.lower()})")
        elif self.state is not State.CLOSING:
            self.end()

    # The handshake

    def _on_start_ok(self, method: ConnectionStartOk) -> None:
        self.client_properties = method.client_properties
        self.mechanism = method.mechanism
        door = self._door()
        if method.mechanism not in login.offered(self.settings.mechanisms, door):
            word = "invalid" if login.is_known(method.mechanism) else "unknown"
            raise ConnectionFault(
                ReplyCode.COMMAND_INVALID, f"{word} authentication mechanism '{method.mechanism}'"
            )
        try:
            said = login.read(method.mechanism, method.response, door)
        except login.LoginRefused as refused:
            self._refuse_login(str(refused))
            return
        if isinstance(said, Claim):
            self.checking = True
            self.amqp.gate.log_in(self.amqp.users, said, self._judge)
        else:
            self._log_in(said)

    def _judge(self, verdict: Verdict, user: str) -> None:
        """It is known whether this is the password."""
        self.checking = False
        if self.state is not State.STARTING:
            return  # it did not wait for that
        if verdict is Verdict.RIGHT:
            self._log_in(user)
        else:
            self._refuse_login(f"user '{user}' - {verdict.value}")
        self._outbox.wake()  # what came meanwhile

    def _log_in(self, user: str) -> None:
        try:
            login.check_place(user, self._door())
        except login.LoginRefused as refused:
            self._refuse_login(str(refused))
            return
        self.user = user
        self.state = State.TUNING
        settings = self.settings
        self._send(
            ConnectionTune(
                settings.channels_max, settings.frame_bytes_max, settings.heartbeat_seconds
            )
        )

    def _refuse_login(self, why: str) -> None:
        self.amqp.counters.logins_failed += 1
        log.warning("AMQP login refused", peer=str(self.peer), reason=why)
        self.state, self._deadline = State.DEAF, self._after(SILENT_SECONDS)
        self.reason = f"{self.mechanism} login refused: {why}"
        if self.capabilities.get("authentication_failure_close") is True:
            error = ConnectionFault(
                ReplyCode.ACCESS_REFUSED,
                f"Login was refused using authentication mechanism {self.mechanism}."
                " For details see the broker logfile.",
            )
            self._send(ConnectionClose(error.code, error.reply_text, 0, 0))
            self.state, self._deadline = State.CLOSED, self._after(CLOSING_SECONDS)

    def _on_tune_ok(self, method: ConnectionTuneOk) -> None:
        settings = self.settings
        _negotiated("frame_max", method.frame_max, FRAME_MIN_BYTES, settings.frame_bytes_max)
        _negotiated("channel_max", method.channel_max, CHANNELS_MIN, settings.channels_max)
        self.frame_max = method.frame_max or settings.frame_bytes_max
        self.channel_max = method.channel_max
        self.heartbeat = method.heartbeat
        self.state = State.OPENING

    def _on_open(self, method: ConnectionOpen) -> None:
        vhost = self.amqp.broker.vhosts.get(method.virtual_host)
        if vhost is None:
            raise ConnectionFault(ReplyCode.NOT_ALLOWED, f"vhost {method.virtual_host} not found")
        try:
            self.amqp.broker.presence.check(self.user, vhost.name)
        except NotAllowed as refused:
            raise ConnectionFault(ReplyCode.NOT_ALLOWED, str(refused)) from None
        permit = self.amqp.broker.users.permit(self.user, vhost.name, host=self.peer.host)
        if not permit.may_enter:
            raise ConnectionFault(ReplyCode.NOT_ALLOWED, permit.no_entry)
        self.channels = Channels(
            self.amqp.broker,
            vhost,
            self.user,
            name=self.name,
            permit=permit,
            frame_max=self.frame_max,
            channel_max=self.channel_max,
            capabilities=self.capabilities,
            settings=self.settings,
            outbox=self._outbox,
            make_channel=self.amqp.make_channel,
            counters=self.amqp.counters,
            on_fault=self.fault,
        )
        self.channels.peer = self.peer
        self.state = State.RUNNING
        self.amqp.conversations.add(self)
        self.amqp.broker.presence.enter(self.user, vhost.name)
        self.amqp.broker.users.watch(self.user, self.channels.on_rights)
        self._send(ConnectionOpenOk())

    def _on_update_secret(self, method: ConnectionUpdateSecret) -> None:
        """A new token takes over from the last one; passwords do not expire."""
        secret = bytes(method.new_secret).decode("latin-1")
        if self.amqp.gate.tokens is None or not is_token(secret):
            self._send(ConnectionUpdateSecretOk())
            return
        claim = Claim(self.user, secret, self.peer.host, login.PROTOCOL)
        self.amqp.gate.log_in(self.amqp.users, claim, self._renewed)

    def _renewed(self, verdict: Verdict, user: str) -> None:
        if self.state is not State.RUNNING:
            return
        if verdict is Verdict.RIGHT and user == self.user:
            self._send(ConnectionUpdateSecretOk())
            return
        refused = "New secret was refused by one of the backends"
        self.fault(ConnectionFault(ReplyCode.NOT_ALLOWED, refused), ConnectionUpdateSecret.KEY)

    # The end

    def _on_close(self, _method: ConnectionClose) -> None:
        assert self.channels is not None
        self.state = State.CLOSING
        self._leave()
        self.channels.end(self._on_ended)

    def _on_ended(self) -> None:
        if self.state is State.CLOSING:
            self._send(ConnectionCloseOk())
            self.end()

    def _on_close_while_closing(self, _method: ConnectionClose) -> None:
        self._send(ConnectionCloseOk())

    def _on_close_ok(self, _method: ConnectionCloseOk) -> None:
        self.reason = ""  # it was logged when it happened
        self.end()

    def _leave(self) -> None:
        if self in self.amqp.conversations:
            assert self.channels is not None
            self.amqp.conversations.discard(self)
            self.amqp.broker.presence.leave(self.user, self.channels.vhost.name)
        if self.channels is not None:
            self.amqp.broker.users.unwatch(self.user, self.channels.on_rights)
            self.channels.rights_changed = False

    def _give_up(self) -> None:
        self._leave()
        channels, running = self.channels, self.state is State.RUNNING
        if channels is not None and running:
            channels.end(_nothing)

    def _may_be_told(self, error: AmqpError) -> bool:
        """Whoever is not trusted yet learns little: it just ends, as with RabbitMQ."""
        if self.state is State.TUNING:
            return error.code is ReplyCode.NOT_ALLOWED
        return self.state >= State.OPENING

    def _send(self, method: Method) -> None:
        self._outbox.write(method_frame(0, method))

    def _after(self, seconds: float) -> float:
        return self.amqp.broker.clock.monotonic() + seconds

    def _door(self) -> login.Door:
        settings = self.settings
        return login.Door(
            self.amqp.users,
            self.peer,
            settings.loopback_users,
            settings.anonymous_user,
            settings.certificate_name,
        )


_HANDLERS: Mapping[tuple[type[Method], State], Callable[..., None]] = {
    (ConnectionStartOk, State.STARTING): Conversation._on_start_ok,
    (ConnectionTuneOk, State.TUNING): Conversation._on_tune_ok,
    (ConnectionOpen, State.OPENING): Conversation._on_open,
    (ConnectionUpdateSecret, State.RUNNING): Conversation._on_update_secret,
    (ConnectionClose, State.RUNNING): Conversation._on_close,
    (ConnectionClose, State.CLOSING): Conversation._on_close_while_closing,
    (ConnectionClose, State.CLOSED): Conversation._on_close_while_closing,
    (ConnectionCloseOk, State.CLOSED): Conversation._on_close_ok,
}


def _negotiated(name: str, theirs: int, least: int, most: int) -> None:
    """Check what the client made of our limits; 0 is without limit."""
    if theirs and theirs < least:
        word, bound, value = "lower", "minimum", least
    elif most and (not theirs or theirs > most):
        word, bound, value = "higher", "maximum", most
    else:
        return
    detail = " (no limit)" if name == "channel_max" and not theirs else ""
    raise ConnectionFault(
        ReplyCode.NOT_ALLOWED,
        f"negotiated {name} = {theirs}{detail} is {word} than the {bound} allowed value ({value})",
        method=ConnectionTune.KEY,
    )


def server_properties(settings: AmqpSettings) -> Table:
    """Say who we are; some clients want to hear of RabbitMQ (`compat_product`)."""
    compat = settings.compat_product
    return {
        "capabilities": dict(CAPABILITIES),
        "cluster_name": settings.node_name,
        "copyright": "The anymq authors",
        "information": "Licensed under the Apache License 2.0.",
        "platform": f"Python {platform.python_version()}",
        "product": "RabbitMQ" if compat else "anymq",
        "version": COMPAT_VERSION if compat else anymq.__version__,
    }


def _perhaps(header: bytes) -> str:
    """Say what it may be instead: most often a client came to the wrong port."""
    return next((f": {what}" for begin, what in _GREETINGS if header.startswith(begin)), "")


_GREETINGS = (
    (b"\x16\x03", "this is TLS, and this port speaks without"),
    (b"AMQP\x03\x01", "this is AMQP 1.0"),
    (b"AMQP\x00\x01", "this is AMQP 1.0"),
    (b"GET ", "this is HTTP"),
    (b"\x10", "this may be MQTT"),
    (b"CONNECT", "this may be STOMP"),
    (b"STOMP", "this may be STOMP"),
    (b"\x00\x00", "this may be Kafka"),
)


def _nothing() -> None:
    pass
