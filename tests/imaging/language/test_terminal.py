"""The terminal speaks the language of its environment; all its help is in the catalogue."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

import cli
from imaging.commands import terminal
from imaging.language import speaking, spoken
from imaging.language.environment import speak_as_the_terminal
from imaging.settings import ROOT
from tests.catalogues import catalogues, write_catalogue


def help_texts(command: Any) -> Iterator[str]:
    """All that Typer prints as help below a command."""
    yield command.help or ""
    for parameter in command.params:
        yield getattr(parameter, "help", "") or ""
    for below in getattr(command, "commands", {}).values():
        yield from help_texts(below)


def test_every_help_text_is_a_message_of_the_catalogue() -> None:
    with (ROOT / "locale/lightbox.pot").open("rb") as stream:
        listed = {m.id for m in read_po(stream) if m.id}
    texts = set(help_texts(typer.main.get_command(cli.app))) - {""}
    assert len(texts) > 80
    assert texts <= listed


MODEL_HELP = inspect.cleandoc(cli.model.__doc__ or "")


@pytest.fixture
def chinese(tmp_path: Path) -> Iterator[None]:
    words = Catalog(locale="zh_CN")
    for english, said in {
        MODEL_HELP: "输出模型的说明书。",
        "Installed model.": "已安装的模型。",
        "Show this message and exit.": "显示本说明并退出。",
        "Options": "选项",
        "Usage:": "用法",
        "Research use - not for diagnosis": "仅供科研",
        "This installation has no model of that name.": "未安装该名称的模型。",
    }.items():
        words.add(english, said)
    write_catalogue(tmp_path, words)
    with catalogues(tmp_path), speaking(""):
        yield


@pytest.mark.usefixtures("chinese")
@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh_CN"),
        ({"LC_ALL": "zh_CN.GB18030@pinyin", "LANG": "en_GB.UTF-8"}, "zh_CN"),
        ({"LANGUAGE": "zh_CN:en", "LANG": "en_US.UTF-8"}, "zh_CN"),
        ({"LIGHTBOX_LANGUAGE": "en", "LANG": "zh_CN.UTF-8"}, "en"),
        ({"LIGHTBOX_LANGUAGE": "zh", "LANG": "en_US.UTF-8"}, "zh_CN"),
    ],
)
def test_the_environment_says_which_language(environ: dict[str, str], language: str) -> None:
    speak_as_the_terminal(environ)
    assert spoken() == language


@pytest.mark.usefixtures("chinese")
def test_help_is_in_the_language_that_is_spoken(capsys: pytest.CaptureFixture[str]) -> None:
    with speaking("zh"):
        command = terminal.in_words(typer.main.get_command(cli.app))
        command(["model", "--help"], standalone_mode=False)
    said = capsys.readouterr().out
    for words in ("用法", "输出模型的说明书。", "已安装的模型。", "显示本说明并退出。", "选项"):
        assert words in said
    with speaking("en"):
        terminal.in_words(typer.main.get_command(cli.app))  # for the tests after this one
