"""One STOMP connection's part of the conversation: from CONNECT to the end."""

from collections.abc import Callable, Mapping
from enum import IntEnum

from anymq.core.errors import NotAllowed
from anymq.core.rights.permit import Permit
from anymq.core.taps import Origin
from anymq.core.vhosts.vhost import VirtualHost
from anymq.observability.log import Log
from anymq.protocols.session import Outbox, Peer
from anymq.protocols.stomp.codec import V10, VERSIONS, Frame
from anymq.protocols.stomp.consuming import Consumer
from anymq.protocols.stomp.dialect import Dialect
from anymq.protocols.stomp.errors import REFUSALS, SUPPORTED, StompError, to_stomp
from anymq.protocols.stomp.ground import Ground
from anymq.protocols.stomp.login import check_place, claim_of, vhost_of
from anymq.protocols.stomp.stomp import Stomp
from anymq.protocols.stomp.subscribing import Subscribed
from anymq.protocols.stomp.talk import Talk
from anymq.protocols.stomp.wire import Wire
from anymq.security.gate import Claim, Verdict

SERVER = "anymq"

log = Log("anymq.stomp")


class State(IntEnum):
    """How far we are."""

    GREETING = 0
    CHECKING = 1  # of the password
    RUNNING = 2
    ENDED = 3


class Conversation:
    """What was said so far, and what comes next."""

    def __init__(
        self,
        stomp: Stomp,
        outbox: Outbox,
        peer: Peer,
        *,
        dialect: Dialect,
        on_end: Callable[[str], None],
    ) -> None:
        self.stomp = stomp
        self.peer = peer
        self.dialect = dialect
        self.state = State.GREETING
        self.wire = Wire(outbox, stomp.counters, self._on_last)
        self.user = ""
        self.vhost_name = ""
        self.client_id = ""
        self.since_ms = 0
        self.heart_beat = (0, 0)  # ms: how often we say something, how often the client does
        self.talk: Talk | None = None  # since it came in
        self._permit: Permit | None = None
        self._greeting: Frame | None = None
        self._on_end = on_end
        self._why = ""

    @property
    def name(self) -> str:
        """As tools show it."""
        return self.peer.connection_name

    @property
    def version(self) -> str:
        """Which STOMP it speaks."""
        return self.wire.version

    @property
    def protocol(self) -> str:
        """As tools show it."""
        return f"STOMP {self.version}"

    @property
    def facts(self) -> Mapping[str, object]:
        """What tools show besides."""
        talk = self.talk
        return {
            "subscriptions": 0 if talk is None else len(talk.subscriptions.by_tag),
            "session_id": "" if talk is None else talk.ground.session_id,
            "version": self.version,
        }

    def hang_up(self, reason: str) -> None:
        """Somebody wants it to end."""
        self.end(reason)
        self.stomp.broker.turn.run()

    @property
    def keep_alive(self) -> int:
        """How often the client says something, in seconds; 0: as it likes."""
        return self.heart_beat[1] // 1000

    def on_frame(self, frame: Frame) -> None:
        """Act on one frame."""
        if self.state is State.GREETING:
            self._greet(frame)
        elif self.talk is not None:
            self.talk.on_frame(frame)

    # Coming

    def _greet(self, frame: Frame) -> None:
        if frame.command not in ("CONNECT", "STOMP"):
            self._turn_away(
                StompError("Illegal command", "You must log in using CONNECT first", fatal=True)
            )
            return
        try:
            version = _version_of(frame.headers)
            self.heart_beat = _heart_beat_of(frame.headers)
        except StompError as error:
            self._turn_away(error)
            return
        self.wire.version = version
        self._greeting = frame
        self.client_id = frame.headers.get("client-id", "")
        stomp = self.stomp
        vhosts = stomp.broker.vhosts
        self.vhost_name = vhost_of(frame.headers.get("host"), self.peer, stomp.settings, vhosts)
        self._identify(claim_of(frame.headers, self.peer, stomp.settings))

    def _identify(self, claim: str | Claim | None) -> None:
        self.state = State.CHECKING
        if isinstance(claim, Claim):
            self.stomp.gate.log_in(self.stomp.users, claim, self._judge)
        elif claim is not None and claim in self.stomp.users:
            self._judge(Verdict.RIGHT, claim)
        else:
            self._judge(Verdict.WRONG, claim or "")

    def _judge(self, verdict: Verdict, user: str) -> None:
        """It is known whether this is the password."""
        if self.state is not State.CHECKING:
            return  # it did not wait for that
        if verdict is not Verdict.RIGHT:
            self.stomp.counters.logins_failed += 1
            self._turn_away(_bad_connect(f"Access refused for user '{user}'"), verdict.value)
        else:
            try:
                self._come_in(user)
            except REFUSALS as error:
                self._turn_away(_bad_connect(str(error)))
        self.wire.outbox.wake()  # what came meanwhile
        self.stomp.broker.turn.run()

    def _come_in(self, user: str) -> None:
        stomp, broker = self.stomp, self.stomp.broker
        check_place(user, self.peer, stomp.settings)
        vhost = broker.vhosts.get(self.vhost_name)
        if vhost is None:
            raise NotAllowed(f"Virtual host '{self.vhost_name}' access denied")
        permit = broker.users.permit(user, vhost.name, host=self.peer.host)
        if not permit.may_enter:
            raise NotAllowed(f"Virtual host '{vhost.name}' access denied")
        broker.presence.check(user, vhost.name)
        self.user, self._permit = user, permit
        self.wire.who = Origin("stomp", self.name, 0, user)
        self.talk = self._begin(vhost, permit)
        self.state = State.RUNNING
        self.since_ms = broker.clock.wall_ms()
        stomp.connected.add(self)
        broker.presence.enter(user, vhost.name)
        broker.users.watch(user, self._on_rights)
        vhost.on_end[self._on_vhost_end] = None
        self._welcome(self.talk.ground.session_id)

    def _begin(self, vhost: VirtualHost, permit: Permit) -> Talk:
        ground = Ground(
            broker=self.stomp.broker,
            vhost=vhost,
            permit=permit,
            wire=self.wire,
            settings=self.stomp.settings,
            session_id=vhost.new_name("session-"),
            dialect=self.dialect,
            client_id=_client_id_of(self._greeting),
            owner=self,
        )
        return Talk(ground, on_lost=self._on_lost, on_late=self._on_late, on_fault=self.fault)

    def _welcome(self, session_id: str) -> None:
        ours, theirs = self.heart_beat
        self.wire.send(
            "CONNECTED",
            [
                ("version", self.version),
                ("session", session_id),
                ("server", SERVER),
                ("heart-beat", f"{ours},{theirs}"),
            ],
        )

    def _turn_away(self, error: StompError, why: str = "") -> None:
        """Say no to who is not in yet."""
        log.warning("STOMP client refused", peer=str(self.peer), reason=why or error.text.strip())
        self.state = State.ENDED
        self._why = f"refused: {error.text.strip()}"
        error.fatal = True
        self.wire.error(error)

    # The end

    def fault(self, error: StompError) -> None:
        """Say what is wrong; if it is fatal, that is the end."""
        if self.state < State.RUNNING:
            self._turn_away(error)
            return
        if error.fatal:
            log.warning("STOMP connection error", peer=str(self.peer), reason=error.text.strip())
            self._why = error.text.strip()
        self.wire.error(error)

    def end(self, why: str) -> None:
        """Hang up, and say why."""
        if self.state is State.RUNNING:
            self._why = why
            self.wire.owed.clear()
            self.wire.error(StompError("connection_forced", why, fatal=True))

    def peer_gone(self) -> None:
        """Give back what it held."""
        self.wire.ended = True
        self._leave()

    def _on_last(self) -> None:
        """The last frame is written."""
        self._leave()
        self._on_end(self._why)

    def _leave(self) -> None:
        running, self.state = self.state is State.RUNNING, State.ENDED
        if not running or self.talk is None:
            return
        stomp, vhost = self.stomp, self.talk.ground.vhost
        stomp.connected.discard(self)
        stomp.broker.presence.leave(self.user, vhost.name)
        stomp.broker.users.unwatch(self.user, self._on_rights)
        vhost.on_end.pop(self._on_vhost_end, None)
        self.talk.leave()
        if not vhost.ended:
            vhost.owner_gone(self)

    def _on_rights(self) -> None:
        """Rights were changed: who may not be here, or not read what it does, has to leave."""
        assert self._permit is not None
        assert self.talk is not None
        known = self.user in self.stomp.users
        if not (known and self._permit.may_enter and self.talk.subscriptions.allowed()):
            self.end("rights were taken away")

    def _on_vhost_end(self) -> None:
        self.end(f"vhost '{self.vhost_name}' is deleted")

    def _on_lost(self, lost: Subscribed) -> None:
        """Somebody has deleted the queue of a subscription."""
        id_ = lost.consumer.tag[2:]
        self.wire.error(
            StompError(
                "Server cancelled subscription",
                "The server has canceled a subscription.\n"
                f'No more messages will be delivered for "{lost.said}".\n',
                headers=(("subscription", id_),),
            )
        )

    def _on_late(self, consumer: Consumer, after_ms: int) -> None:
        self.fault(
            to_stomp(NotAllowed(f"nothing was acknowledged by '{consumer.tag}' for {after_ms} ms"))
        )


def _client_id_of(greeting: Frame | None) -> str:
    """Return what a client calls itself, as ActiveMQ's do: durable subscriptions are its own."""
    headers = greeting.headers if greeting is not None else {}
    return headers.get("client-id", headers.get("clientID", ""))


def _version_of(headers: Mapping[str, str]) -> str:
    """Return the best version that both speak."""
    offered = [one.strip() for one in headers.get("accept-version", V10).split(",")]
    common = [version for version in VERSIONS if version in offered]
    if not common:
        raise StompError("Version mismatch", f"Supported versions are {SUPPORTED}\n", fatal=True)
    return common[-1]


def _heart_beat_of(headers: Mapping[str, str]) -> tuple[int, int]:
    """Return how often we say something, and how often the client does, in whole seconds of ms."""
    theirs, comma, wanted = headers.get("heart-beat", "0,0").partition(",")
    numbers = [text.strip() for text in (wanted, theirs)]
    if not comma or not all(
        text.isascii() and text.isdecimal() and len(text) < 10 for text in numbers
    ):
        raise StompError("Bad CONNECT", "heart-beat is not two numbers", fatal=True)
    ours_ms, theirs_ms = (_whole_seconds_ms(int(text)) for text in numbers)
    return ours_ms, theirs_ms


def _whole_seconds_ms(ms: int) -> int:
    return max(1, ms // 1000) * 1000 if ms else 0


def _bad_connect(text: str) -> StompError:
    return StompError("Bad CONNECT", text, fatal=True)
