"""Transactions: half messages from their coming to their end, which comes once.

A message that is committed is appended to its topic, and where it went is written down in a log
that leads, both with one commit of the disk. After a crash the places say how far it came: it is
there, or it is brought there, never twice. Who has decided nothing is asked, now and then.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice

from anymq.core.alarm import Clock
from anymq.core.errors import Conflict, NotFound, Refused, Unavailable
from anymq.core.queues.coming import Coming, Stage
from anymq.core.queues.progress import Progress
from anymq.core.queues.witness import Witness
from anymq.core.transactions.agenda import Agenda
from anymq.core.transactions.ended import Ended
from anymq.core.transactions.fates import Fate, Fates, Outcome, Then
from anymq.core.transactions.half import Half
from anymq.core.transactions.halves import Halves
from anymq.core.transactions.open import Open
from anymq.core.transactions.settings import TransactionSettings
from anymq.core.transactions.way import Way
from anymq.observability.log import Log as News
from anymq.storage.errors import StorageError

AT_ONCE = 500  # looked at: then others have their turn, and those who are asked
PAUSE_MS = 1000  # before the next ones, and after what went wrong
PAUSE_MS_MAX = 600_000  # pauses of what is refused get longer, up to this
PAGE_MAX = 1000

Publish = Callable[[Open, Half, Then], None]
Ask = Callable[[Open, Half], bool]

news = News("anymq.transactions")


@dataclass(slots=True)
class Counts:
    """What became of them since the start."""

    begun: int = 0
    committed: int = 0
    rolled_back: int = 0
    discarded: int = 0
    checks: int = 0


class Transactions:
    """All half messages. On the broker's thread only; it takes part in turns as queues do.

    `changed` is the turn's `add`. `has(log, position)`: is there a record?
    """

    def __init__(
        self,
        halves: Halves,
        fates: Fates,
        progress: Progress,
        *,
        clock: Clock,
        changed: Callable[["Transactions"], None],
        witness: Witness,
        has: Callable[[int, int], bool],
        settings: TransactionSettings,
    ) -> None:
        self.scheduled = False  # of the turn
        self.settings = settings  # may be replaced
        self.counts = Counts()
        self._halves = halves
        self._fates = fates
        self._clock = clock
        self._changed = changed
        self._witness = witness
        self._has = has
        self._ended = Ended(fates, progress, clock)
        self._open: dict[int, Open] = {}
        self._agenda = Agenda(halves.log, clock, partial(changed, self))
        self._unasked: dict[str, set[int]] = {}  # by group: nobody of it was there
        self._publish: Publish | None = None
        self._ask: Ask = _nobody
        halves.log.on_rollback = self._on_rollback

    def restore(self) -> None:
        """Find out what waits, and how far a crash let come what was decided.

        Before anything is appended elsewhere: others will get the places that are not taken.
        CorruptBatch; may then be called again.
        """
        fates = self._fates.all()
        self._open = {one.position: one for one in self._halves.restore(max(fates, default=-1) + 1)}
        for position, said in fates.items():
            fate = said.found(self._has)
            one = self._open.get(position)
            if one is not None and not fate.is_done:
                one.restore(fate)
                if fate != said:
                    self._fates.put(position, fate, ignore)
            else:
                if one is not None:
                    self._settle(one)
                self._ended.add(position)
        for one in self._open.values():
            self._agenda.put(one, self._first_due(one))

    def begin(self, publish: Publish, ask: Ask) -> None:
        """Go to work. Everything that messages may be published to is there.

        `publish(one, half, then)` brings one where its outcome says, within this call, and tells
        the witness; `ask(one, half)` asks one of its group, which answers by `commit` or
        `roll_back`; False: nobody is there.
        """
        self._publish, self._ask = publish, ask
        self._agenda.begin()

    # What there is

    def __len__(self) -> int:
        return len(self._open)

    def find(self, position: int) -> Open | None:
        """Return one that is not done with."""
        one = self._open.get(position)
        return one if one is not None and position < self._halves.log.visible_end else None

    def read(self, position: int) -> Half | None:
        """Return one, whole. StorageError."""
        return None if self.find(position) is None else self._halves.find(position)

    def page(
        self, count: int, *, after: int = -1, wanted: Callable[[Open], bool] | None = None
    ) -> list[Open]:
        """Return the oldest, or the next after this position."""
        end = self._halves.log.visible_end
        every = (one for one in self._open.values() if after < one.position < end)
        found = every if wanted is None else filter(wanted, every)
        return list(islice(found, min(count, PAGE_MAX)))

    @property
    def oldest_seconds(self) -> float:
        """How long the oldest has waited."""
        oldest = next((one.since_ms for one in self._open.values()), None)
        return 0.0 if oldest is None else max(0, self._clock.now_ms() - oldest) / 1000

    def by_group(self) -> Mapping[str, int]:
        """Return how many wait, by group."""
        found: dict[str, int] = {}
        for one in self._open.values():
            found[one.group] = found.get(one.group, 0) + 1
        return found

    # What senders say

    def prepare(self, half: Half, then: Then) -> int:
        """Keep one until its sender has decided; return its position. Unavailable, StorageError.

        `then` is called when it is safe, or cannot be.
        """
        if len(self._open) >= self.settings.open_max:
            raise Unavailable(f"{len(self._open)} transactions are open, no more are allowed")
        position = self._halves.add(half)
        one = self._open[position] = Open.of(position, half)
        self._agenda.put(one, self._first_due(one))
        self.counts.begun += 1
        self._halves.log.when_durable(position, then)
        return position

    def commit(self, position: int, then: Then) -> None:
        """Bring it to its topic; `then` is called when it is safe there. NotFound, Conflict."""
        self._decide(position, Outcome.COMMIT, then)

    def roll_back(self, position: int, then: Then) -> None:
        """Forget it; `then` is called when it never comes back. NotFound, Conflict."""
        self._decide(position, Outcome.ROLL_BACK, then)

    def on_producer(self, group: str) -> None:
        """Somebody of this group is there again: ask about those that nobody could be asked."""
        for position in self._unasked.pop(group, ()):
            one = self._open.get(position)
            if one is not None and not one.outcome:
                self._agenda.put(one, self._clock.now_ms())

    def _decide(self, position: int, outcome: Outcome, then: Then) -> None:
        one = self.find(position)
        if one is None:
            raise NotFound(f"no transaction {position} is open")
        if one.outcome not in (Outcome.OPEN, outcome):
            raise Conflict(f"transaction {position} is decided otherwise: {one.outcome.name}")
        one.told.append(then)
        if not one.busy:
            one.outcome = outcome
            self._go_on(one)

    def _go_on(self, one: Open) -> None:
        """Do what was decided."""
        self._agenda.drop(one)
        one.busy = True
        if one.outcome is Outcome.ROLL_BACK:
            fate = Fate(Outcome.ROLL_BACK)
            self._fates.put(one.position, fate, partial(self._rolled_back, one))
        else:
            self._bring(one)

    def _rolled_back(self, one: Open, error: Exception | None) -> None:
        if error is None:
            self.counts.rolled_back += 1
            self._end(one)
        else:
            one.outcome = Outcome.OPEN
            self._fail(one, error)

    # Bringing it to its topic

    def _bring(self, one: Open) -> None:
        """Publish it, and write down where to: a restart can see by that how far it came."""
        try:
            self._fates.check()
            half = self._halves.find(one.position)
        except StorageError as error:
            self._fail(one, error)
            return
        if half is None:
            self._lose(one)
            return
        way = Way(one, self._arrived)
        has_it = {log_id for log_id, _ in one.has_it}
        places = self._witness.watch(partial(self._send, half, way), has_it)
        if way.error is None:
            way.coming = Coming(Stage.COMING, one.has_it + places)
            fate = Fate(one.outcome, one.checks, way.coming)
            self._fates.put(one.position, fate, way.on_kept)
        way.begin()

    def _send(self, half: Half, way: Way) -> None:
        assert self._publish is not None
        try:
            self._publish(way.one, half, way.on_published)
        except (Refused, StorageError) as error:
            way.on_published(error)

    def _arrived(self, way: Way) -> None:
        """It is where it was to go, or not everywhere: then what is missing is tried again."""
        one = way.one
        if way.error is not None:
            if way.coming is not None:
                one.has_it = [place for place in way.coming.places if self._has(*place)]
            fate = Fate(one.outcome, one.checks, Coming(Stage.BEGUN, one.has_it))
            self._fates.put(one.position, fate, ignore)  # before others get those places
            self._fail(one, way.error)
            return
        if one.outcome is Outcome.COMMIT:
            self.counts.committed += 1
        else:
            self.counts.discarded += 1
        self._end(one)

    def _lose(self, one: Open) -> None:
        """It was damaged, and put aside: the storage has said so."""
        told, one.told = one.told, []
        self._end(one)
        for then in told:
            then(NotFound(f"transaction {one.position} is damaged"))

    def _fail(self, one: Open, error: Exception) -> None:
        """Not now. What was decided stays so; pauses of what is refused get longer."""
        one.busy = False
        pause = min(PAUSE_MS << min(one.tries, 20), PAUSE_MS_MAX)
        one.tries += 1
        self._agenda.put(
            one, self._clock.now_ms() + (pause if isinstance(error, Refused) else PAUSE_MS)
        )
        if one.tries == 1:
            news.warning("a transaction cannot end now", topic=one.topic, reason=error)
        told, one.told = one.told, []
        for then in told:
            then(error)

    def _end(self, one: Open) -> None:
        self._agenda.drop(one)
        self._settle(one)
        self._ended.add(one.position)
        self._changed(self)  # the journal is written at the end of this turn
        told, one.told = one.told, []
        for then in told:
            then(None)

    def _settle(self, one: Open) -> None:
        self._halves.settle([one.position])
        del self._open[one.position]
        self._forget_unasked(one)

    def _forget_unasked(self, one: Open) -> None:
        of_group = self._unasked.get(one.group)
        if of_group is not None:
            of_group.discard(one.position)
            if not of_group:
                del self._unasked[one.group]

    # Asking: see Turn

    def pump(self) -> bool:
        """Do what is due, some of it; the rest comes after a pause."""
        now = self._clock.now_ms()
        for _ in range(AT_ONCE):
            position = self._agenda.first(now)
            if position is None:
                return False
            self._do_what_is_due(self._open[position], now)
        self._agenda.pause(now + PAUSE_MS)
        return False

    def flush(self) -> None:
        """The turn is over: look again when the next one is due."""
        self._agenda.arm()

    def _do_what_is_due(self, one: Open, now: int) -> None:
        is_old = now - one.since_ms >= self.settings.age_ms_max
        is_hopeless = is_old and not one.has_it  # its topic is gone, or does not take it
        if is_hopeless or (not one.outcome and one.checks >= self.settings.checks_max):
            news.warning("a transaction was given up", group=one.group, topic=one.topic)
            one.outcome = Outcome.DISCARD
        if one.outcome:
            self._go_on(one)
        else:
            self._check(one, now)

    def _check(self, one: Open, now: int) -> None:
        """Ask about it. Where nobody is there to be asked, that does not count."""
        self._agenda.put(one, now + self.settings.check_interval_ms)
        try:
            half = self._halves.find(one.position)
        except StorageError as error:
            news.warning("a half message cannot be read now", topic=one.topic, reason=error)
            return
        if half is None:
            self._lose(one)
        elif not self._ask(one, half):
            self._unasked.setdefault(one.group, set()).add(one.position)
        else:
            self.counts.checks += 1
            one.checks += 1
            if not one.outcome:  # else it was answered at once
                self._fates.put(one.position, Fate(checks=one.checks), ignore)

    def _first_due(self, one: Open) -> int:
        if one.outcome:
            return 0
        return one.since_ms + (self.settings.immune_ms if one.immune_ms < 0 else one.immune_ms)

    def _on_rollback(self) -> None:
        """The disk did not take the last ones; their senders know."""
        end = self._halves.log.end
        for position in [one for one in self._open if one >= end]:
            one = self._open.pop(position)
            self._agenda.drop(one)


def _nobody(_one: Open, _half: Half) -> bool:
    return False


def ignore(_error: Exception | None) -> None:
    """Nobody waits for it."""
