"""The help of the terminal's commands, in the language that is spoken.

Help texts stand in the code in English and become messages as Typer gives them (`make messages`);
what they say of a value, and errors of the command line itself, are Typer's own.
"""

from __future__ import annotations

from typing import Any

import typer
from typer import rich_utils
from typer.core import TyperCommand, TyperGroup

from imaging.language import _


def in_words(command: Any) -> Any:
    """A command with its help, and that of all below it, in the language that is spoken."""
    rich_utils.ARGUMENTS_PANEL_TITLE = _("Arguments")
    rich_utils.OPTIONS_PANEL_TITLE = _("Options")
    rich_utils.COMMANDS_PANEL_TITLE = _("Commands")
    rich_utils.ERRORS_PANEL_TITLE = _("Error")
    rich_utils.DEFAULT_STRING = _("[default: {}]")
    rich_utils.REQUIRED_LONG_STRING = _("[required]")
    _translate(command)
    return command


def _translate(command: TyperCommand | TyperGroup) -> None:
    command.help, command.short_help = _(command.help or ""), _(command.short_help or "")
    for parameter in command.params:
        if getattr(parameter, "help", None):
            parameter.help = _(parameter.help)  # type: ignore[attr-defined]
    own = command.get_help_option(typer.Context(command))
    if own is not None:
        own.help = _("Show this message and exit.")
    usage, word = command.get_usage, _("Usage:")
    command.get_usage = lambda ctx: usage(ctx).replace(  # type: ignore[method-assign]
        "Usage:", word, 1
    )
    for below in getattr(command, "commands", {}).values():
        _translate(below)
