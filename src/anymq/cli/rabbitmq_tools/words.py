"""The command line of RabbitMQ's tools: options anywhere, --no-… for what is on."""

from collections.abc import Mapping, Sequence

from anymq.cli.rabbitmq_tools.call import BOOLEAN, NUMBER, TEXT, BadUsage, Options

SWITCHES = {
    "node": TEXT,
    "quiet": BOOLEAN,
    "silent": BOOLEAN,
    "timeout": NUMBER,
    "vhost": TEXT,
    "longnames": BOOLEAN,
    "formatter": TEXT,
    "printer": TEXT,
    "dry_run": BOOLEAN,
    "script_name": TEXT,
    "erlang_cookie": TEXT,
    "table_headers": BOOLEAN,
    "pad_to_header": BOOLEAN,
    "help": BOOLEAN,
    "hostname": TEXT,
    "mnesia_dir": TEXT,
    "rabbitmq_home": TEXT,
    "aliases_file": TEXT,
}
LETTERS = {
    "p": "vhost",
    "n": "node",
    "q": "quiet",
    "s": "silent",
    "l": "longnames",
    "t": "timeout",
    "h": "help",
}


def parse(
    words: Sequence[str], switches: Mapping[str, str], letters: Mapping[str, str]
) -> tuple[list[str], Options]:
    """Take options and the other words apart; after -- all are the other."""
    known = {**SWITCHES, **switches}
    short = {**LETTERS, **letters}
    rest: list[str] = []
    options: Options = {}
    left = list(words)
    while left:
        word = left.pop(0)
        if word == "--":
            return rest + left, options
        if not word.startswith("-") or word == "-" or word[1:2].isdigit():
            rest.append(word)
            continue
        name, equals, value = word.lstrip("-").partition("=")
        key, wanted = _known(word, name, known, short)
        options[key] = _value(word, known[key], wanted, value if equals else None, left)
    return rest, options


def _known(
    word: str, name: str, known: Mapping[str, str], short: Mapping[str, str]
) -> tuple[str, bool]:
    """Return the option, and whether it is switched on."""
    if not word.startswith("--"):
        if name in short:
            return short[name], True
    elif (key := name.replace("-", "_")) in known:
        return key, True
    elif key.startswith("no_") and known.get(key[3:]) == BOOLEAN:
        return key[3:], False
    raise BadUsage(f"Invalid options for this command:\n{word} : ")


def _value(word: str, kind: str, wanted: bool, given: str | None, left: list[str]) -> object:
    if kind == BOOLEAN:
        return wanted if given is None else given == "true"
    if given is None:
        if not left:
            raise BadUsage(f"Invalid options for this command:\n{word} : ")
        given = left.pop(0)
    if kind == TEXT:
        return given
    try:
        return float("inf") if given == "infinity" else float(given)
    except ValueError:
        raise BadUsage(f"Invalid options for this command:\n{word}: {given}") from None
