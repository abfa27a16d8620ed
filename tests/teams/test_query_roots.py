"""Views, and what they read with, start every query at `request.access`: read out of the source itself (X2)."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.processes import ROOT

pytestmark = [pytest.mark.once, pytest.mark.req("X2")]
MANAGERS = {"objects", "_default_manager", "_base_manager", "_meta"}
LOOKUPS = {"get_object_or_404", "get_list_or_404"}
# Modules beside the views that read for them; a new one is named here when it is made.
READERS = (
    "queries",
    "audit_pages",
    "people",
    "listing",
    "contract_calendar",
    "contract_queries",
    "credential_page",
    "key_page",
    "server_page",
    "traffic_page",
    "traffic_team",
    "live",
    "overview",
    "confirm",
    "elsewhere",
    "export",
    "happenings",
    "job_page",
    "buttons",
    "readiness",
    "facts",
    "freshness",
    "snapshot_pages",
    "snapshot_queries",
    "snapshot_rows",
)


def sources() -> list[Path]:
    apps = [ROOT / name for name in ("jobs", "servers", "teams")]
    views = [path for app in apps for path in sorted((app / "views").glob("*.py"))]
    readers = [app / f"{name}.py" for app in apps for name in READERS]
    tags = [path for app in apps for path in sorted((app / "templatetags").glob("*.py"))]
    return [*views, *tags, ROOT / "lswpanel" / "views.py", *(path for path in readers if path.exists())]


def foreign_roots(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Lines that begin a query at a model instead of at an access, with the name it begins at."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in MANAGERS:
            yield node.lineno, ast.unparse(node.value)
        elif isinstance(node, ast.Call) and _name(node.func) in LOOKUPS and not _from_access(node):
            yield node.lineno, ast.unparse(node.args[0]) if node.args else ""


def _name(function: ast.expr) -> str:
    return ast.unparse(function).rpartition(".")[2]


def _from_access(call: ast.Call) -> bool:
    """Whether what is looked up in is written with `access`: `request.access.jobs()`, `queries.job(access)`."""
    if not call.args:
        return False
    names = {_name(node) for node in ast.walk(call.args[0]) if isinstance(node, ast.Name | ast.Attribute)}
    return "access" in names


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_source_begins_no_query_at_a_model(path: Path) -> None:
    assert list(foreign_roots(ast.parse(path.read_text()))) == []


@pytest.mark.parametrize(
    "line",
    [
        "Server.objects.get(pk=pk)",
        "models.Server.objects.all()",
        "Server._default_manager.all()",
        "get_object_or_404(Server, pk=pk)",
        "shortcuts.get_object_or_404(Server.objects, pk=pk)",
        "get_list_or_404(team.servers.all())",
        "get_object_or_404(klass=Server, pk=pk)",
    ],
)
def test_walk_sees_a_foreign_root(line: str) -> None:
    assert list(foreign_roots(ast.parse(line)))


@pytest.mark.parametrize(
    "line",
    [
        "request.access.servers().filter(pk=pk)",
        "get_object_or_404(request.access.jobs(), pk=pk)",
        "get_object_or_404(queries.server(access), pk=pk)",
    ],
)
def test_walk_lets_access_pass(line: str) -> None:
    assert not list(foreign_roots(ast.parse(line)))


def test_walk_reads_the_views_of_every_app() -> None:
    folders = {path.parent.parent.name for path in sources() if path.parent.name == "views"}
    assert folders == {"jobs", "servers", "teams"}
