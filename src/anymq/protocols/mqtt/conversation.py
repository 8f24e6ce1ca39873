"""One MQTT connection's part of the conversation: from CONNECT to the end."""

from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Any

from anymq.core.errors import NotAllowed
from anymq.core.rights.permit import Permit
from anymq.core.taps import Origin
from anymq.core.vhosts.vhost import VirtualHost
from anymq.observability.log import Log
from anymq.protocols.mqtt.authenticating import Authenticating
from anymq.protocols.mqtt.codec import (
    V5,
    V31,
    V311,
    Auth,
    Connack,
    Connect,
    Disconnect,
    Packet,
    Pingreq,
    Pingresp,
    Puback,
    Pubcomp,
    Publish,
    Pubrec,
    Pubrel,
    Subscribe,
    Unsubscribe,
    Will,
)
from anymq.protocols.mqtt.errors import (
    REFUSALS,
    MqttFault,
    Reason,
    reason_of,
    return_code,
)
from anymq.protocols.mqtt.gathering import Gathering
from anymq.protocols.mqtt.incoming import Ground, Incoming, Publisher
from anymq.protocols.mqtt.login import check_place, claim_of, vhost_of
from anymq.protocols.mqtt.mailbox import NEVER, Mailbox
from anymq.protocols.mqtt.mqtt import Mqtt
from anymq.protocols.mqtt.outgoing import Outgoing
from anymq.protocols.mqtt.properties import P
from anymq.protocols.mqtt.subscribing import Subscribing
from anymq.protocols.mqtt.taker import Taker
from anymq.protocols.mqtt.wire import WITHOUT_LIMIT, Wire
from anymq.protocols.session import Outbox, Peer
from anymq.security.gate import Claim, Verdict

RECEIVE_MAXIMUM = 65_535  # of who says nothing about it
CLIENT_ID_BYTES_MAX = 200  # it is part of the name of a queue
VERSIONS = {V31: "MQTT 3-1-0", V311: "MQTT 3-1-1", V5: "MQTT 5-0"}  # as RabbitMQ says

log = Log("anymq.mqtt")


class State(IntEnum):
    """How far we are."""

    GREETING = 0
    CHECKING = 1  # of the password
    PROVING = 2  # who it is, packet by packet
    RUNNING = 3
    ENDED = 4


class Conversation:
    """What was said so far, and what comes next."""

    def __init__(
        self,
        mqtt: Mqtt,
        outbox: Outbox,
        peer: Peer,
        *,
        on_end: Callable[[str], None],
        on_last_words: Callable[[str], None],
    ) -> None:
        self.mqtt = mqtt
        self.peer = peer
        self.state = State.GREETING
        self.wire = Wire(outbox, mqtt.counters)
        self.user = ""
        self.vhost_name = ""
        self.client_id = ""
        self.since_ms = 0
        self.keep_alive = 0
        self.incoming: Incoming | None = None
        self.outgoing: Outgoing | None = None
        self.subscribing: Subscribing | None = None
        self.gathering: Gathering | None = None  # once there is something to gather
        self._mailbox: Mailbox | None = None
        self._permit: Permit | None = None
        self._will: Will | None = None
        self._connect: Connect | None = None
        self._login: Authenticating | None = None  # that takes several packets
        self._on_end = on_end
        self._on_last_words = on_last_words

    @property
    def name(self) -> str:
        """As tools show it."""
        return self.peer.connection_name

    @property
    def protocol(self) -> str:
        """As tools show it."""
        return VERSIONS[self.wire.version]

    @property
    def facts(self) -> Mapping[str, object]:
        """What tools show besides."""
        mailbox = self._mailbox
        assert mailbox is not None
        return {
            "subscriptions": len(mailbox.subscriptions),
            "session_expiry": mailbox.expiry_s,
            "messages_in_flight": 0 if self.outgoing is None else len(self.outgoing.sent),
            "has_will": self._will is not None,
        }

    def hang_up(self, reason: str) -> None:
        """Somebody wants it to end."""
        self.end(Reason.ADMINISTRATIVE, reason)
        self.mqtt.broker.turn.run()

    def on_packet(self, packet: Packet) -> None:
        """Act on one packet."""
        if self.state is State.GREETING:
            if not isinstance(packet, Connect):
                raise MqttFault(Reason.PROTOCOL_ERROR, "the first packet is not CONNECT")
            self._on_connect(packet)
            return
        if self.state is State.PROVING:
            self._on_proof(packet)
            return
        handler = _HANDLERS.get(type(packet))
        if handler is None:
            raise MqttFault(Reason.PROTOCOL_ERROR, f"{packet.KIND.name} from a client, now")
        handler(self, packet)

    # Coming

    def _on_connect(self, packet: Connect) -> None:
        self._connect = packet
        self.wire.version = packet.version
        self.wire.problems = packet.properties.get(P.REQUEST_PROBLEM, 1) == 1
        self.wire.packet_bytes_max = packet.properties.get(P.MAXIMUM_PACKET, WITHOUT_LIMIT)
        method = packet.properties.get(P.AUTH_METHOD)
        if method is not None:
            self.vhost_name = vhost_of(packet, self.mqtt.settings)
            self.state = State.PROVING
            self._login = Authenticating(self.mqtt, method, self.peer.host)
            self._proved(self._login.begin(packet.properties))
            return
        found = claim_of(packet, self.peer, self.mqtt.settings)
        if found is None:
            self._turn_away(Reason.BAD_LOGIN, "no user, or none that can be read")
            return
        claim, self.vhost_name = found
        self.state = State.CHECKING
        if isinstance(claim, Claim):
            self.mqtt.gate.log_in(self.mqtt.users, claim, self._judge)
        else:
            known = claim in self.mqtt.users
            self._judge(Verdict.RIGHT if known else Verdict.WRONG, claim)

    def _on_proof(self, packet: Packet) -> None:
        """Before CONNACK there is nothing but AUTH, or the client goes again."""
        assert self._login is not None
        if isinstance(packet, Disconnect):
            self.peer_gone()
        elif isinstance(packet, Auth) and packet.code == Reason.CONTINUE:
            self._proved(self._login.go_on(packet.properties))
        else:
            raise MqttFault(Reason.PROTOCOL_ERROR, f"{packet.KIND.name} in the middle of a login")

    def _proved(self, answer: Auth | None) -> None:
        assert self._login is not None
        if answer is not None:
            self.wire.send(answer)
        else:
            self.state = State.CHECKING
            self._judge(Verdict.RIGHT, self._login.user)

    def _judge(self, verdict: Verdict, user: str) -> None:
        """It is known whether this is the password."""
        if self.state is not State.CHECKING:
            return  # it did not wait for that
        if verdict is not Verdict.RIGHT:
            self.mqtt.counters.logins_failed += 1
            code = Reason.BUSY if verdict is Verdict.BUSY else Reason.BAD_LOGIN
            self._turn_away(code, f"user '{user}' - {verdict.value}")
        else:
            try:
                self._come_in(user)
            except MqttFault as fault:
                self._turn_away(fault.code, str(fault))
            except REFUSALS as error:
                self._turn_away(reason_of(error), str(error))
        self.wire.outbox.wake()  # what came meanwhile
        self.mqtt.broker.turn.run()

    def _come_in(self, user: str) -> None:
        packet, mqtt, wire = self._connect, self.mqtt, self.wire
        assert packet is not None
        self._connect = None
        check_place(user, self.peer, mqtt.settings)
        vhost = mqtt.broker.vhosts.get(self.vhost_name)
        if vhost is None:
            raise NotAllowed(f"vhost {self.vhost_name} not found")
        assigned = self._name(packet, vhost)
        permit = mqtt.broker.users.permit(
            user, vhost.name, client_id=self.client_id, host=self.peer.host
        )
        if not permit.may_enter:
            raise NotAllowed(permit.no_entry)
        mqtt.broker.presence.check(user, vhost.name)
        self.user, self._permit = user, permit
        wire.who = Origin("mqtt", self.name, 0, user)
        will = self._checked_will(packet, vhost, permit)
        mailbox, present = mqtt.open(vhost, self.client_id, user, self, clean=packet.clean)
        self._mailbox, self._will = mailbox, will
        mailbox.expiry_s = self._expiry_s(packet)
        mqtt.save(mailbox)
        if will is not None:
            mqtt.wills.note(mailbox, will, user, self.peer.host)
        self._begin(packet, mailbox, permit)
        self.state = State.RUNNING
        self.since_ms = mqtt.broker.clock.wall_ms()
        mqtt.connected.add(self)
        mqtt.broker.presence.enter(user, vhost.name)
        mqtt.broker.users.watch(user, self._on_rights)
        wire.send(Connack(present, 0, self._promises(packet, assigned) if wire.v5 else {}))
        self._resume()

    def _resume(self) -> None:
        assert self.outgoing is not None
        assert self.subscribing is not None
        self.outgoing.begin()
        self.subscribing.resume()

    def _begin(self, packet: Connect, mailbox: Mailbox, permit: Permit) -> None:
        mqtt, wire, settings = self.mqtt, self.wire, self.mqtt.settings
        theirs = packet.properties.get(P.RECEIVE_MAXIMUM, RECEIVE_MAXIMUM)
        aliases = packet.properties.get(P.TOPIC_ALIAS_MAXIMUM, 0)
        self.keep_alive = packet.keep_alive
        if settings.keep_alive_s_max and wire.v5:
            self.keep_alive = min(packet.keep_alive or NEVER, settings.keep_alive_s_max)
        self.outgoing = Outgoing(
            wire,
            mailbox,
            mqtt.kept,
            now_ms=mqtt.broker.now_ms,
            in_flight_max=min(theirs, settings.in_flight_max),
            bytes_max=settings.delivery_bytes_max,
            aliases_max=min(aliases, settings.topic_aliases_max),
            on_lost=self._on_lost,
            settled=mqtt.broker.lines.progress,
        )
        ground = self._ground(mailbox, permit)
        self.incoming = Incoming(
            ground,
            wire,
            in_flight_max=settings.in_flight_max,
            aliases_max=settings.topic_aliases_max,
            on_fault=self.fault,
        )
        self.subscribing = Subscribing(mqtt, wire, mailbox, permit, self.outgoing)

    def begin_gathering(self) -> Gathering:
        """Act on many packets at a time from now on."""
        assert self.incoming is not None
        assert self.outgoing is not None
        ground = self.incoming.publisher.ground
        self.gathering = Gathering(ground, self.wire, self.incoming, self.outgoing)
        return self.gathering

    def _ground(self, mailbox: Mailbox, permit: Permit) -> Ground:
        mqtt, vhost = self.mqtt, mailbox.vhost
        retained = mqtt.retained(vhost.name)
        broker = mqtt.broker
        return Ground(
            vhost, permit, mailbox, mqtt.kept, retained, broker.now_ms, broker.lines.witness
        )

    def _name(self, packet: Connect, vhost: VirtualHost) -> bool:
        """Take the client's name; say whether we gave it."""
        client_id = packet.client_id
        self.client_id = client_id or vhost.new_name("auto-")
        if not client_id and (packet.version == V31 or (packet.version != V5 and not packet.clean)):
            raise MqttFault(Reason.BAD_CLIENT_ID, "a client without a name")
        if len(client_id.encode()) > CLIENT_ID_BYTES_MAX:
            raise MqttFault(
                Reason.BAD_CLIENT_ID, f"a name of more than {CLIENT_ID_BYTES_MAX} bytes"
            )
        return not client_id

    def _checked_will(self, packet: Connect, vhost: VirtualHost, permit: Permit) -> Will | None:
        """Return the will; refuse one that this client may not have."""
        if packet.will is not None:
            mailbox = Mailbox(vhost, self.client_id, self.user, self.mqtt.settings)
            Publisher(self._ground(mailbox, permit), self.wire).check(packet.will.topic)
        return packet.will

    def _expiry_s(self, packet: Connect) -> int:
        """Say how long the session outlives the connection."""
        if packet.version == V5:
            wanted = int(packet.properties.get(P.SESSION_EXPIRY, 0))
        else:
            wanted = 0 if packet.clean else NEVER
        return self._allowed_expiry_s(wanted)

    def _allowed_expiry_s(self, wanted: int) -> int:
        most = self.mqtt.settings.session_expiry_s_max
        return min(wanted, most) if most else wanted

    def _promises(self, packet: Connect, assigned: bool) -> dict[int, Any]:
        """Return the properties of CONNACK: what is not as the client takes for granted."""
        settings, mailbox = self.mqtt.settings, self._mailbox
        assert mailbox is not None
        said: dict[int, Any] = {
            P.RECEIVE_MAXIMUM: min(settings.in_flight_max, RECEIVE_MAXIMUM),
            P.MAXIMUM_PACKET: settings.packet_bytes_max,
            P.TOPIC_ALIAS_MAXIMUM: settings.topic_aliases_max,
        }
        if mailbox.expiry_s != packet.properties.get(P.SESSION_EXPIRY, 0):
            said[P.SESSION_EXPIRY] = mailbox.expiry_s
        if assigned:
            said[P.ASSIGNED_CLIENT_ID] = self.client_id
        if self.keep_alive != packet.keep_alive:
            said[P.SERVER_KEEP_ALIVE] = self.keep_alive
        if self._login is not None:
            said.update(self._login.properties)
        return said

    def _turn_away(self, code: Reason, why: str) -> None:
        """Say no to who is not in yet."""
        log.warning("MQTT client refused", peer=str(self.peer), reason=why)
        v5 = self.wire.v5
        told = {} if code is Reason.BAD_LOGIN else self.wire.why(why, code)
        self.wire.send(Connack(False, code if v5 else return_code(code), told))
        self.state = State.ENDED
        self.wire.ended = True
        self._on_end(f"refused: {why}")

    # What clients say

    def _on_publish(self, packet: Publish) -> None:
        assert self.incoming is not None
        self.incoming.on_publish(packet)

    def _on_pubrel(self, packet: Pubrel) -> None:
        assert self.incoming is not None
        self.incoming.on_pubrel(packet)

    def _on_puback(self, packet: Puback) -> None:
        assert self.outgoing is not None
        self.outgoing.on_puback(packet)

    def _on_pubrec(self, packet: Pubrec) -> None:
        assert self.outgoing is not None
        self.outgoing.on_pubrec(packet)

    def _on_pubcomp(self, packet: Pubcomp) -> None:
        assert self.outgoing is not None
        self.outgoing.on_pubcomp(packet)

    def _on_subscribe(self, packet: Subscribe) -> None:
        assert self.subscribing is not None
        self.subscribing.on_subscribe(packet)

    def _on_unsubscribe(self, packet: Unsubscribe) -> None:
        assert self.subscribing is not None
        self.subscribing.on_unsubscribe(packet)

    def _on_ping(self, _packet: Pingreq) -> None:
        self.wire.send(Pingresp())

    def _on_auth(self, packet: Auth) -> None:
        """It proves again who it is: before its time is over, say."""
        login = self._login
        if login is None:
            raise MqttFault(Reason.PROTOCOL_ERROR, "AUTH where no method was agreed on")
        if packet.code not in (Reason.AUTHENTICATE_AGAIN, Reason.CONTINUE):
            raise MqttFault(Reason.PROTOCOL_ERROR, f"AUTH with {packet.code:#x} from a client")
        again = packet.code == Reason.AUTHENTICATE_AGAIN
        self.wire.send(login.prove_again(packet.properties, self.user, begins=again))

    def _on_disconnect(self, packet: Disconnect) -> None:
        mailbox = self._mailbox
        assert mailbox is not None
        if packet.code != Reason.DISCONNECT_WITH_WILL:
            self._will = None
        expiry_s = packet.properties.get(P.SESSION_EXPIRY)
        if expiry_s is not None:
            if expiry_s and not mailbox.lasts:
                raise MqttFault(Reason.PROTOCOL_ERROR, "the session was to end with the connection")
            mailbox.expiry_s = self._allowed_expiry_s(expiry_s)
        self._finish("", self._on_end)

    # The end

    def fault(self, fault: MqttFault) -> None:
        """End the connection for an error."""
        is_known = self.state is State.GREETING and self.wire.version
        if is_known or self.state in (State.CHECKING, State.PROVING):
            self._turn_away(fault.code, str(fault))
            return
        log.warning("MQTT connection error", peer=str(self.peer), reason=str(fault))
        self.end(fault.code, str(fault))

    def end(self, code: Reason, why: str) -> None:
        """Hang up, and say why to who can read it."""
        if self.state is State.RUNNING and self.wire.v5:
            self.wire.send(Disconnect(code, self.wire.why(why, code)))
            self._finish(why, self._on_last_words)
        else:
            self._finish(why, self._on_end)

    def on_silence(self) -> None:
        """It was silent for too long."""
        self.end(Reason.KEEP_ALIVE, "nothing came for 1.5 times the keep-alive")

    def peer_gone(self) -> None:
        """Give back what it held."""
        self._finish("", self._on_end)

    def _finish(self, why: str, on_end: Callable[[str], None]) -> None:
        if self.state is State.ENDED:
            return
        running, self.state = self.state is State.RUNNING, State.ENDED
        self.wire.ended = True
        on_end(why)
        if running:
            self._leave()

    def _leave(self) -> None:
        mqtt, mailbox = self.mqtt, self._mailbox
        assert mailbox is not None
        assert self.outgoing is not None
        assert self.subscribing is not None
        mqtt.connected.discard(self)
        mqtt.gone.received += self.peer.traffic.received
        mqtt.gone.sent += self.peer.traffic.sent
        mqtt.broker.presence.leave(self.user, mailbox.vhost.name)
        mqtt.broker.users.unwatch(self.user, self._on_rights)
        self.outgoing.end()
        self.subscribing.end()
        if self._will is None:
            mqtt.wills.drop(mailbox.place)
        else:
            mqtt.wills.lost(mailbox.place)
        if mailbox.carrier is self:
            mqtt.leave(mailbox)

    def _on_rights(self) -> None:
        """Rights were changed: who may not be here, or not read what it does, has to leave."""
        assert self._permit is not None
        assert self.subscribing is not None
        known = self.user in self.mqtt.users
        if not (known and self._permit.may_enter and self.subscribing.allowed()):
            self.end(Reason.NOT_AUTHORIZED, "rights were taken away")

    def _on_lost(self, taker: Taker) -> None:
        """Somebody has deleted the mailbox's queue: the client is to come again, and subscribe."""
        self.end(Reason.ADMINISTRATIVE, f"queue '{taker.queue.name}' was deleted")


_HANDLERS: Mapping[type[Packet], Callable[..., None]] = {
    Publish: Conversation._on_publish,
    Puback: Conversation._on_puback,
    Pubrec: Conversation._on_pubrec,
    Pubrel: Conversation._on_pubrel,
    Pubcomp: Conversation._on_pubcomp,
    Subscribe: Conversation._on_subscribe,
    Unsubscribe: Conversation._on_unsubscribe,
    Pingreq: Conversation._on_ping,
    Disconnect: Conversation._on_disconnect,
    Auth: Conversation._on_auth,
}
