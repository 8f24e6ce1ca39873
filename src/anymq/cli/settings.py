"""The flags that every setting has, for the commands that need the settings."""

import argparse
import os
from itertools import groupby
from pathlib import Path

from anymq.cli.errors import CommandFailed
from anymq.config.declare import Declared
from anymq.config.load import CONFIG_VARIABLE, ConfigError, load
from anymq.config.model import Settings, declared


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add --config, --data, and one flag per setting."""
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help=f"settings in TOML (or ${CONFIG_VARIABLE})"
    )
    parser.add_argument(
        "--data", dest="server.data_dir", metavar="DIR", help="short for --server-data-dir"
    )
    parser.usage = f"{parser.prog} [--config FILE] [--data DIR] [--SECTION-SETTING VALUE ...]"
    for section, settings in groupby(declared(), lambda each: each.section):
        group = parser.add_argument_group(f"[{section}]")
        for each in settings:
            _add_flag(group, each)


def load_settings(arguments: argparse.Namespace) -> Settings:
    """Put the settings together from the file, the environment and the flags."""
    flags = {
        key: value for key, value in vars(arguments).items() if "." in key and value is not None
    }
    try:
        return load(arguments.config, os.environ, flags)
    except ConfigError as error:
        raise CommandFailed(str(error)) from error


def _add_flag(group: "argparse._ArgumentGroup", each: Declared) -> None:
    default = "" if each.default == "" else f" Default: {each.show(each.default)}"
    text = (each.help + default).replace("%", "%%")
    metavar = each.kind if each.choices else each.kind.upper()
    # A flag without a value says yes; where that is no answer, parsing the value says so.
    group.add_argument(
        each.flag, dest=each.key, nargs="?", const="true", metavar=metavar, help=text
    )
