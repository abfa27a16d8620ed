"""The simulator stands alone, so that it cannot share a mistake with the client it tests."""

import ast
import sys
from pathlib import Path

import pytest

import servers.leaseweb.simulator

MODULES = sorted(Path(servers.leaseweb.simulator.__file__).parent.glob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_module_imports_only_the_standard_library_and_its_neighbours(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            assert {alias.name.split(".")[0] for alias in node.names} <= sys.stdlib_module_names
        if isinstance(node, ast.ImportFrom):
            assert node.level == 1 or (node.module or "").split(".")[0] in sys.stdlib_module_names


def test_all_modules_are_looked_at() -> None:
    assert {"__init__", "__main__", "api", "http_server", "world"} <= {path.stem for path in MODULES}
