"""Extraction for `make messages`: what pages mark, and the sentences of other rooms, unmarked.

Babel calls these functions (see locale/babel.cfg); nothing at run time does.
"""

from __future__ import annotations

import ast
import inspect
import tomllib
from collections.abc import Iterator
from typing import Any, BinaryIO

from imaging.entities import RESEARCH_USE

# line, function, message (singular and plural), comments
Message = tuple[int, str, str | tuple[str, ...], list[str]]
_MARKS = {"_": 1, "ngettext": 2}  # functions that translate, and how many of their arguments


def extract_marked(fileobj: BinaryIO, *_babel: object, **_options: object) -> Iterator[Message]:
    """Yield what is given to `_` and `ngettext` of a page, inside of f-strings too.

    Babel's own extractor reads tokens, and to Python 3.11 an f-string is one of them.
    """
    for node in ast.walk(ast.parse(fileobj.read())):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in _MARKS:
            yield from _marked(node)
        for label in _table(node, "LABELS"):
            yield label.lineno, "", _template(label), []


def extract_sentences(fileobj: BinaryIO, *_babel: object, **_options: object) -> Iterator[Message]:
    """Yield every English sentence of a module, f-strings as templates with {0}, {1}, ...

    A sentence starts with a capital, has a blank and ends with a full stop or question mark; the
    label of a `Method`, the intended-use banner and what is marked (`imaging.language`) count too.
    Docstrings stay out, but those of the terminal's commands, which are its help.
    """
    tree = ast.parse(fileobj.read())
    skipped = set(_inner_parts(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in _MARKS:
            yield from _marked(node)
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("typer."):
            yield from _help_of(node)
        if isinstance(node, ast.FunctionDef) and _is_command(node, tree):
            yield node.lineno, "", inspect.cleandoc(ast.get_docstring(node) or ""), []
        if isinstance(node, ast.ClassDef) and node.name == "AuditEvent":
            for member in (n for n in node.body if isinstance(n, ast.Assign)):
                yield member.lineno, "", _template(member.value), ["What the audit trail records"]
        text = _template(node)
        if text and _is_sentence(text):
            yield getattr(node, "lineno", 0), "", text, []
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Method":
            yield node.lineno, "", ast.literal_eval(node.args[0]), ["Explanation method"]
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Corruption":
            for word in node.args[:2]:
                yield node.lineno, "", ast.literal_eval(word), ["Corruption and its unit"]


def extract_labels(fileobj: BinaryIO, *_babel: object, **_options: object) -> Iterator[Message]:
    """Yield the words a task file puts on screen: title, classes, findings, population."""
    task: dict[str, Any] = tomllib.loads(fileobj.read().decode())
    words = [task["title"], task["scope"]["population"], *task["classes"], *task.get("limits", ())]
    said = [finding.get(name, "") for finding in task["findings"] for name in ("label", "advice")]
    for word in filter(None, words + said):
        yield 1, "", word, []


def extract_words(fileobj: BinaryIO, *_babel: object, **_options: object) -> Iterator[Message]:
    """Yield the words of a report (a dictionary WORDS) and the meanings of coded terms (Code)."""
    for node in ast.walk(ast.parse(fileobj.read())):
        words = _table(node, "WORDS")
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Code":
            words = node.args[2:]
        for word in words:
            if text := _template(word):
                yield word.lineno, "", text, []


def _table(node: ast.AST, name: str) -> list[ast.expr]:
    """The values of a dictionary of that name."""
    if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Dict):
        return []
    named = any(isinstance(target, ast.Name) and target.id == name for target in node.targets)
    return node.value.values if named else []


def _marked(call: ast.Call) -> Iterator[Message]:
    """The message of a call of `_` or `ngettext` with words in it; a name's is found elsewhere."""
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    words = [ast.literal_eval(arg) for arg in call.args[: _MARKS[name]] if _template(arg)]
    if len(words) == _MARKS[name]:
        yield call.lineno, name, words[0] if name == "_" else tuple(words), []


def _help_of(call: ast.Call) -> Iterator[Message]:
    """The help of an argument, an option or a group of commands, as Typer takes it."""
    for keyword in call.keywords:
        if keyword.arg == "help" and isinstance(keyword.value, ast.Constant):
            yield call.lineno, "", str(keyword.value.value), ["Help of the terminal"]


def _is_command(function: ast.FunctionDef, module: ast.Module) -> bool:
    """Whether a function is a command of the terminal: it is decorated, or takes its options."""
    if any(".command(" in ast.unparse(by) for by in function.decorator_list):
        return True
    options = {"typer"}
    for node in module.body:  # names for options, such as `By = Annotated[Kind, typer.Option(...)]`
        if isinstance(node, ast.Assign) and "typer." in ast.unparse(node.value):
            options |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    names = (
        node.id
        for argument in function.args.args
        if argument.annotation
        for node in ast.walk(argument.annotation)
        if isinstance(node, ast.Name)
    )
    return not options.isdisjoint(names)


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
