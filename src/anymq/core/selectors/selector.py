"""Selector: a condition that messages meet or not."""

from collections.abc import Callable, Mapping

from anymq.core.errors import Invalid
from anymq.core.message import Message, Run
from anymq.core.selectors import evaluating
from anymq.core.selectors.evaluating import Evaluate, Says
from anymq.core.selectors.facts import Facts
from anymq.core.selectors.parser import Parser
from anymq.core.selectors.words import words

LETTERS_MAX = 8192
LIKE_COST_SHIFT = 7  # of so many bytes one costs as much as a comparison
ARGUMENT = "x-selector"  # of a consumer

# As ActiveMQ calls them: what is said before a selector about how to read it.
CONVERT = "convert_string_expressions:"  # texts that are numbers are compared as such
HYPHENATED = "hyphenated_props:"  # names may have a `-`, and nothing can be subtracted from one


class Selector:
    """One, understood. `text` is what was said."""

    __slots__ = ("_evaluate", "_likes", "text")

    def __init__(self, text: str) -> None:
        """Understand it. Invalid, if that is not possible."""
        if len(text) > LETTERS_MAX:
            raise Invalid(f"a selector has at most {LETTERS_MAX} letters")
        self.text = text
        rest, said = _without_prefixes(text)
        name: Callable[[str], Evaluate] = (
            evaluating.named_number if CONVERT in said else evaluating.named
        )
        parser = Parser(words(rest, hyphenated=HYPHENATED in said), name)
        self._evaluate = parser.parse()
        self._likes = parser.likes

    def holds(self, says: Says) -> bool:
        """Is this one meant? What is unknown is not."""
        return self._evaluate(says) is True

    def cost(self, message: Message) -> int:
        """Return how much work this one is, at most: 1 is next to none."""
        return 1 + self._likes * (len(message.properties) >> LIKE_COST_SHIFT)

    def matches(self, message: Message) -> bool:
        """The same of a message that nobody else asks about."""
        return self.holds(Facts(message))

    def meeting(self, run: Run) -> Run | None:
        """Return what of a run meets it; None: nothing does."""
        messages = [message for message in run.messages if self.matches(message)]
        if len(messages) == len(run.messages):
            return run
        return Run(messages, persistent=run.persistent) if messages else None


def selector_in(arguments: Mapping[str, object]) -> Selector | None:
    """Return the selector among a consumer's arguments; None: it takes everything."""
    text = arguments.get(ARGUMENT)
    if text is None or text == "":
        return None
    if not isinstance(text, str):
        raise Invalid(f"{ARGUMENT} is a text")
    return Selector(text) if text.strip() else None


def _without_prefixes(text: str) -> tuple[str, set[str]]:
    rest, said = text.lstrip(), set[str]()
    while prefix := next((one for one in (CONVERT, HYPHENATED) if rest.startswith(one)), None):
        said.add(prefix)
        rest = rest[len(prefix) :].lstrip()
    return rest, said
