"""Pushing: a run, or parts of one, into the targets that were found for it."""

from collections.abc import Sequence

from anymq.core.message import Message, Run
from anymq.core.routing.answers import Answers
from anymq.core.routing.target import Target, Then

Targets = tuple[Target, ...]
Part = tuple[Targets, list[Message]]


def push(targets: Sequence[Target], run: Run, then: Then | None) -> None:
    """Give a run to all of them; `then` is called when all have it as safe as promised.

    PartlyRejected when some of its messages were refused, and others were not.
    """
    if len(targets) == 1:
        _push_to(targets[0], run, then)
    elif then is None:
        for target in targets:
            _push_to(target, run, None)
    elif not targets:
        then(None)
    else:
        size = len(run.messages)
        answers = Answers(size, len(targets), then)
        for target in targets:
            _push_to(target, run, answers.of(range(size)))


def one(message: Message) -> Run:
    """Return a run of one."""
    return Run([message], persistent=message.traits.persistent)


def _push_to(target: Target, run: Run, then: Then | None) -> None:
    if len(run.messages) == 1 or not target.singles:
        target.push(run, then)
        return
    size = len(run.messages)
    answers = None if then is None else Answers(size, size, then)
    for index, message in enumerate(run.messages):
        target.push(one(message), None if answers is None else answers.of((index,)))


def push_parts(parts: Sequence[Part], then: Then | None) -> None:
    """Give messages of one run that go different ways to where they go, in runs again."""
    size = sum(len(messages) for _, messages in parts)
    answers = None if then is None else Answers(size, len(parts), then)
    first = 0
    for targets, messages in parts:
        persistent = any(message.traits.persistent for message in messages)
        run = Run(messages, persistent=persistent)
        push(
            targets,
            run,
            None if answers is None else answers.of(range(first, first + len(messages))),
        )
        first += len(messages)
