"""Tests stand alone: what several of them use is in ``tests/support``, and no test is there."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parent


def imported_by(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{name.name}" for name in node.names)


def is_test(module: str) -> bool:
    return module.startswith("tests.") and any(part.startswith("test_") for part in module.split("."))


def test_no_module_imports_from_a_test() -> None:
    imports = [(file.name, module) for file in TESTS.rglob("*.py") for module in imported_by(file)]
    assert ("conftest.py", "tests.support.factories.UserFactory") in imports
    assert [(name, module) for name, module in imports if is_test(module)] == []


def test_support_has_no_test() -> None:
    assert [str(file) for file in (TESTS / "support").rglob("test_*.py")] == []


def test_name_when_defined_is_under_70_characters() -> None:
    names = [
        node.name
        for file in TESTS.rglob("test_*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    ]
    assert "test_name_when_defined_is_under_70_characters" in names
    assert [name for name in names if len(name) >= 70] == []
