"""A protocol of our own: one line says all. Try it with netcat.

pip install examples/protocol
anymq serve --plugins-protocols lines=127.0.0.1:7007

$ nc 127.0.0.1 7007
LOGIN guest guest
OK
PUT jobs hello world
OK
GET jobs
OK hello world
"""

from collections import deque
from collections.abc import Callable
from functools import partial

from anymq.core.errors import NotAllowed, Refused
from anymq.core.message import Envelope, Message, Properties, Run
from anymq.core.portable.record_form import RECORD_FORM
from anymq.core.queues.delivery import Delivery
from anymq.core.rights.permit import READ, WRITE, Permit
from anymq.core.taps import Origin
from anymq.plugins import Ground
from anymq.protocols.session import Outbox, Peer
from anymq.security.gate import Claim, Verdict

NAME = "lines"
LINE_BYTES_MAX = 64 * 1024
LINES_WAITING_MAX = 1000
PERSISTENT = RECORD_FORM.write(Properties(delivery_mode=2))


class Lines:
    """One connection: a line after the other, each answered before the next is looked at."""

    def __init__(self, ground: Ground, outbox: Outbox, peer: Peer) -> None:
        self.closed = False
        self.reason = ""
        self._ground = ground
        self._outbox = outbox
        self._peer = peer
        self._data = b""
        self._lines: deque[bytes] = deque()
        self._waiting = False  # for an answer of the broker
        self._user = ""
        self._permit: Permit | None = None

    # What carries us asks

    @property
    def reading(self) -> bool:
        """Is there room for more lines?"""
        return not self.closed and len(self._lines) < LINES_WAITING_MAX

    @property
    def more(self) -> bool:
        """Is there a line whose turn it is?"""
        return bool(self._lines) and not self._waiting and not self.closed

    @property
    def busy(self) -> bool:
        """Will there be an answer soon?"""
        return self._waiting

    def receive(self, data: memoryview) -> None:
        """Take what came, cut it into lines."""
        *lines, self._data = (self._data + bytes(data)).split(b"\n")
        self._lines += lines
        if len(self._data) > LINE_BYTES_MAX:
            self._hang_up("a line is too long")
        self.go_on()

    def go_on(self) -> None:
        """Act on lines until an answer must be waited for."""
        while self.more:
            try:
                self._act(self._lines.popleft().rstrip(b"\r").decode(errors="replace"))
            except Refused as refused:
                self._say(f"ERR {refused}")
        self._ground.broker.turn.run()

    def tick(self, now: float) -> None:
        """Nobody is too silent for us."""

    def peer_gone(self) -> None:
        """Nobody waits for an answer any more."""
        self.closed = True

    # What a line says

    def _act(self, line: str) -> None:
        command, _, rest = line.partition(" ")
        acts: dict[str, Callable[[str], None]] = {
            "LOGIN": self._login,
            "PUT": self._put,
            "GET": self._get,
        }
        if command not in acts:
            raise NotAllowed("it is LOGIN, PUT or GET")
        acts[command](rest)

    def _login(self, rest: str) -> None:
        name, _, password = rest.partition(" ")
        self._waiting = True
        claim = Claim(name, password, self._peer.host, NAME)
        self._ground.gate.log_in(self._ground.users, claim, self._judged)

    def _judged(self, verdict: Verdict, name: str) -> None:
        if verdict is Verdict.RIGHT:
            self._user, self._permit = name, self._ground.permit(name, "/", self._peer)
            self._answer(None)
        else:
            self._say(f"ERR {verdict.value}")
            self._hang_up(verdict.value)

    def _put(self, rest: str) -> None:
        queue, _, text = rest.partition(" ")
        self._may().exchange(WRITE, "")
        envelope = Envelope("", queue, RECORD_FORM)
        message = Message(envelope, PERSISTENT, text.encode(), self._ground.broker.now_ms())
        self._waiting = True
        vhost = self._ground.broker.vhosts["/"]
        try:
            vhost.publish(Run([message], persistent=True), self._answer, who=self._who)
        except Refused as refused:
            self._answer(refused)

    def _get(self, queue: str) -> None:
        self._may().queue(READ, queue)
        self._waiting = True
        try:
            found = self._ground.broker.vhosts["/"].queue(queue)
            found.get(self._got, no_ack=True, who=self._who)
        except Refused as refused:
            self._answer(refused)

    # What comes of it

    def _answer(self, error: Exception | None) -> None:
        self._waiting = False
        self._say("OK" if error is None else f"ERR {error}")
        self._outbox.wake()

    def _got(self, delivery: Delivery | None) -> None:
        self._waiting = False
        text = "" if delivery is None else delivery.message.body.decode(errors="replace")
        self._say("NONE" if delivery is None else f"OK {text}")
        self._outbox.wake()

    def _may(self) -> Permit:
        if self._permit is None:
            raise NotAllowed("LOGIN first")
        return self._permit

    @property
    def _who(self) -> Origin:
        return Origin(NAME, f"{self._peer}", 0, self._user)

    def _say(self, line: str) -> None:
        self._outbox.write(f"{line}\n".encode())

    def _hang_up(self, why: str) -> None:
        self.closed, self.reason, self._waiting = True, why, False


def make(ground: Ground) -> Callable[[Outbox, Peer], Lines]:
    """Return what makes a session for each who connects."""
    return partial(Lines, ground)
