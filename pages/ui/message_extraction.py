"""Extraction for `make messages`: the sentences of imaging and models, without marking them there.

Babel calls these functions (see locale/babel.cfg); nothing at run time does.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from typing import Any, BinaryIO

from imaging.entities import RESEARCH_USE

Message = tuple[int, str, str, list[str]]  # line, function, message, comments


def extract_sentences(fileobj: BinaryIO, *_babel: object, **_options: object) -> Iterator[Message]:
    """Yield every English sentence of a module, f-strings as templates with {0}, {1}, ...

    A sentence starts with a capital, has a blank and ends with a full stop or question mark; the
    label of a `Method` and the intended-use banner count too. Docstrings stay out.
    """
    tree = ast.parse(fileobj.read())
    skipped = set(_inner_parts(tree))
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        text = _template(node)
        if text and _is_sentence(text):
            yield getattr(node, "lineno", 0), "", text, []
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Method":
            yield node.lineno, "", ast.literal_eval(node.args[0]), ["Explanation method"]
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Corruption":
            for word in node.args[:2]:
                yield node.lineno, "", ast.literal_eval(word), ["Corruption and its unit"]


def extract_labels(fileobj: BinaryIO, *_babel: object, **_options: object) -> Iterator[Message]:
    """Yield the words a task file puts on screen: title, classes, finding labels, population."""
    task: dict[str, Any] = tomllib.loads(fileobj.read().decode())
    words = [task["title"], task["scope"]["population"], *task["classes"], *task.get("limits", ())]
    for word in words + [finding["label"] for finding in task["findings"]]:
        yield 1, "", word, []


def extract_words(fileobj: BinaryIO, *_babel: object, **_options: object) -> Iterator[Message]:
    """Yield the words of a report (a dictionary WORDS) and the meanings of coded terms (Code)."""
    for node in ast.walk(ast.parse(fileobj.read())):
        words: list[ast.expr] = []
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
            if any(isinstance(name, ast.Name) and name.id == "WORDS" for name in node.targets):
                words = node.value.values
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Code":
            words = node.args[2:]
        for word in words:
            if text := _template(word):
                yield word.lineno, "", text, []


def _inner_parts(tree: ast.AST) -> Iterator[int]:
    """Ids of the nodes that are docstrings or pieces of an f-string."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield from (id(inner) for inner in ast.walk(node) if inner is not node)
        elif isinstance(node, ast.Expr):
            yield id(node.value)


def _template(node: ast.AST) -> str:
    """The text of a string literal; values of an f-string become {0}, {1}, ..."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if not isinstance(node, ast.JoinedStr):
        return ""
    parts, count = [], 0
    for part in node.values:
        if isinstance(part, ast.Constant):
            parts.append(str(part.value))
        else:
            parts.append(f"{{{count}}}")
            count += 1
    return "".join(parts)


def _is_sentence(text: str) -> bool:
    if text == RESEARCH_USE:
        return True
    return text[:1].isupper() and " " in text and text.endswith((".", "?"))
