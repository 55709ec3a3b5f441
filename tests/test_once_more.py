"""What may be run once more before CI says that it failed."""

from __future__ import annotations

from tests.once_more import AT_MOST, files_to_run


def test_a_browser_test_is_run_again_with_the_whole_of_its_file() -> None:
    failed = ["tests/browser/test_who.py::test_a", "tests/browser/test_who.py::test_b[x]"]
    assert files_to_run(failed) == ["tests/browser/test_who.py"]


def test_no_other_failure_is_looked_over() -> None:
    assert files_to_run([]) == []
    assert files_to_run(["tests/browser/test_who.py::test_a", "tests/test_wall.py::test_b"]) == []
    many = [f"tests/browser/test_{number}.py::test_a" for number in range(AT_MOST + 1)]
    assert files_to_run(many) == []
