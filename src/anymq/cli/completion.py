"""`anymq completion SHELL`: a script for the shell, made of the commands and their flags."""

import argparse
import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from anymq.cli.errors import CommandFailed

SHELLS = ("bash", "zsh", "fish")


@dataclass(frozen=True, slots=True)
class Node:
    """What may come after some words: other words, and flags; with what they do."""

    words: Mapping[str, str] = field(default_factory=dict)
    flags: Mapping[str, str] = field(default_factory=dict)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help=", ".join(SHELLS))


def run(arguments: argparse.Namespace) -> int:
    """Print the script."""
    tree = dict(nodes())
    writers = {"bash": _bash, "zsh": _zsh, "fish": _fish}
    print("\n".join(writers[arguments.shell](tree)))
    return 0


def nodes() -> Iterator[tuple[tuple[str, ...], Node]]:
    """Yield what may follow what: nothing, a command, a command and its action."""
    from anymq.cli.main import COMMANDS

    yield (), Node({name: about for name, (_, about) in COMMANDS.items()})
    for name, (module, _) in COMMANDS.items():
        yield from _of_command(name, module)


def _of_command(name: str, path: str) -> Iterator[tuple[tuple[str, ...], Node]]:
    try:
        module = importlib.import_module(path)
    except ImportError as error:
        raise CommandFailed(f"{name}: {error}") from None
    if hasattr(module, "main"):
        known = module.completions(name)
        yield (name,), Node(words=known)
        return
    parser = argparse.ArgumentParser(add_help=False)
    module.configure(parser)
    words: dict[str, str] = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            helps = {choice.dest: choice.help or "" for choice in action._choices_actions}
            words |= {each: helps.get(each, "") for each in action.choices}
            for each, below in action.choices.items():
                yield (name, each), Node(_choices(below), _flags(below))
    yield (name,), Node({**words, **_choices(parser)}, _flags(parser))


def _choices(parser: argparse.ArgumentParser) -> dict[str, str]:
    """Return the words that a positional argument may be."""
    return {
        str(choice): ""
        for action in parser._actions
        if not action.option_strings
        and action.choices
        and not isinstance(action, argparse._SubParsersAction)
        for choice in action.choices
    }


def _flags(parser: argparse.ArgumentParser) -> dict[str, str]:
    return {
        flag: (action.help or "").split(";")[0].replace("%%", "%")
        for action in parser._actions
        if action.help != argparse.SUPPRESS
        for flag in action.option_strings
        if flag.startswith("--")
    }


Tree = Mapping[tuple[str, ...], Node]


def _bash(tree: Tree) -> Iterator[str]:
    """Words by a table: what came before is its key."""
    yield BASH_HEAD
    for path, node in tree.items():
        words = " ".join([*node.words, *node.flags])
        yield f'        "{" ".join(path)}") words="{words}" ;;'
    yield BASH_TAIL


def _zsh(tree: Tree) -> Iterator[str]:
    yield "#compdef anymq"
    yield ZSH_HEAD
    for path, node in tree.items():
        pairs = [
            _zsh_word(word, about) for word, about in [*node.words.items(), *node.flags.items()]
        ]
        yield f"        ({_quoted(' '.join(path))}) found=({' '.join(pairs)}) ;;"
    yield ZSH_TAIL


def _zsh_word(word: str, about: str) -> str:
    escaped = word.replace(":", "\\:")
    return _quoted(f"{escaped}:{about}" if about else escaped)


def _fish(tree: Tree) -> Iterator[str]:
    yield FISH_HEAD
    for path, node in tree.items():
        where = _quoted(f"__anymq_after {' '.join(path)}".strip())
        for word, about in node.words.items():
            yield f"complete -c anymq -f -n {where} -a {_quoted(word)} -d {_quoted(about)}"
        for flag, about in node.flags.items():
            name = flag.removeprefix("--")
            yield f"complete -c anymq -n {where} -l {name} -d {_quoted(about)}"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "").replace("'", "'\\''") + "'"


BASH_HEAD = """\
# source <(anymq completion bash)
_anymq() {
    local current="${COMP_WORDS[COMP_CWORD]}" path="" words="" word
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        [[ $word == -* ]] && continue
        [[ $path == *" "* ]] && break
        path="${path:+$path }$word"
    done
    _anymq_words "$path" || _anymq_words "${path%% *}"
    COMPREPLY=($(compgen -W "$words" -- "$current"))
    [[ ${#COMPREPLY[@]} -eq 0 ]] && COMPREPLY=($(compgen -f -- "$current"))
}
_anymq_words() {
    case "$1" in"""
BASH_TAIL = """\
        *) return 1 ;;
    esac
}
complete -F _anymq anymq"""

ZSH_HEAD = """\
# source <(anymq completion zsh)
_anymq() {
    local -a found
    local place="" word
    for word in "${(@)words[2,CURRENT-1]}"; do
        [[ $word == -* ]] && continue
        [[ $place == *" "* ]] && break
        place="${place:+$place }$word"
    done
    _anymq_words "$place" || _anymq_words "${place%% *}"
    _describe anymq found || _files
}
_anymq_words() {
    case "$1" in"""
ZSH_TAIL = """\
        *) return 1 ;;
    esac
}
compdef _anymq anymq"""

FISH_HEAD = """\
# anymq completion fish | source
function __anymq_after
    set -l said (string match -v -- '-*' (commandline -opc)[2..-1])
    set -l wanted (count $argv)
    if test $wanted -le 1
        test (count $said) -eq $wanted; or return 1
    end
    test $wanted -eq 0; and return 0
    set -l first $said[1..$wanted]
    test "$first" = "$argv"
end"""
