"""Kafka's rules: what the distinguished name of a certificate becomes as the name of a user."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

DEFAULT_RULE = "DEFAULT"
_GROUP = re.compile(r"\$(\d)")
_RULE = re.compile(r"RULE:(?P<pattern>.*)/(?P<name>[^/]*)/(?P<case>[LU]?)")


@dataclass(frozen=True, slots=True)
class Rule:
    """One of Kafka's `ssl.principal.mapping.rules`: what a distinguished name becomes."""

    pattern: re.Pattern[str]
    name: str
    case: str

    def apply(self, distinguished_name: str) -> str | None:
        """Return the name; None: it does not match."""
        found = self.pattern.fullmatch(distinguished_name)
        if found is None:
            return None
        name = _GROUP.sub(lambda group: found[int(group[1])] or "", self.name)
        return {"L": name.lower, "U": name.upper}.get(self.case, lambda: name)()


def parse_rule(text: str) -> Rule:
    """Read `RULE:pattern/name/` or `RULE:pattern/name/L`, or `DEFAULT`; ValueError: it is none."""
    if text == DEFAULT_RULE:
        return Rule(re.compile(".*", re.DOTALL), "$0", "")
    parts = _RULE.fullmatch(text)
    if parts is None:
        raise ValueError(f"{text!r} is not RULE:pattern/name/, RULE:pattern/name/L or DEFAULT")
    try:
        pattern = re.compile(parts["pattern"])
    except re.error as error:
        raise ValueError(f"{text!r}: {error}") from None
    if any(int(number) > pattern.groups for number in _GROUP.findall(parts["name"])):
        raise ValueError(f"{text!r}: there is no such group")
    return Rule(pattern, parts["name"], parts["case"])


def mapped(distinguished_name: str, rules: Iterable[Rule]) -> str:
    """Return what the first rule that matches makes of it; empty: none does."""
    found = (rule.apply(distinguished_name) for rule in rules)
    return next((name for name in found if name is not None), "")
