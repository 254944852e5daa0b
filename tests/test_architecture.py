"""The import graph of each package, from its sources: no circle, nothing upward.

The floors stand in `docs/architecture.md`, in the blocks marked `floors`: a module may import what
stands on its own floor or a lower one. Imports inside functions and for types count as well.
"""

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = {
    "afterword": ROOT / "packages/afterword/src/afterword",
    "afterword_sink": ROOT / "packages/afterword-sink/src/afterword_sink",
    "atomic": ROOT / "packages/atomic-cli/src/atomic",
}
PRELOADED = {"_thread", "atexit", "os", "stat", "sys", "time", "msvcrt"}
"""What the interpreter has loaded before a program's first line (`test_startup.py` measures it);
`msvcrt`, in the interpreter of Windows, is imported there only."""

Edge = tuple[str, str, bool]
"""Who imports, what, and whether that happens when the importer itself is loaded."""


def floors(page: str) -> dict[str, dict[str, int]]:
    """The floor of each module or folder, by package: `{"afterword": {"schema": 2, …}}`."""
    found: dict[str, dict[str, int]] = {}
    for package, block in re.findall(r"```floors (\w+)\n(.*?)```", page, re.DOTALL):
        rows = [line.split(maxsplit=1) for line in block.strip().splitlines()]
        found[package] = {name: int(number) for number, names in rows for name in names.split()}
    return found


def modules(package: str, folder: Path) -> dict[str, Path]:
    """Every module below the folder, by its full name."""
    found = {}
    for path in sorted(folder.rglob("*.py")):
        parts = (package, *path.relative_to(folder).with_suffix("").parts)
        found[".".join(parts).removesuffix(".__init__")] = path
    return found


def imports(tree: ast.AST, known: Mapping[str, object]) -> Iterator[tuple[str, bool]]:
    """The modules that a source imports, and whether at its top level."""

    def visit(node: ast.AST, at_once: bool) -> Iterator[tuple[str, bool]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                yield from ((alias.name, at_once) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, "imports are absolute"
                for alias in child.names:
                    full = f"{child.module}.{alias.name}"
                    yield (full if full in known else child.module or ""), at_once
            else:
                lazily = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
                types = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test)
                yield from visit(child, at_once and not lazily and not types)

    yield from visit(tree, at_once=True)


def graph(package: str, folder: Path) -> list[Edge]:
    """Every import of a package, its own modules and others."""
    known = modules(package, folder)
    return [
        (name, imported, at_once)
        for name, path in known.items()
        for imported, at_once in imports(ast.parse(path.read_text(encoding="utf-8")), known)
    ]


def inner(edges: list[Edge], package: str) -> list[Edge]:
    """The imports of the package's own modules."""
    return [edge for edge in edges if edge[1].partition(".")[0] == package]


def circle(edges: list[Edge]) -> list[str] | None:
    """The modules of a circle; None if there is none."""
    after: dict[str, set[str]] = {}
    for name, imported, _ in edges:
        after.setdefault(name, set()).add(imported)
    try:
        TopologicalSorter(after).prepare()
    except CycleError as error:
        return list(error.args[1])
    return None


def upward(edges: list[Edge], package: str, floor_of: Mapping[str, int]) -> list[str]:
    """The imports of something that stands on a higher floor, or on none."""

    def floor(module: str) -> int | None:
        parts = module.split(".")
        return floor_of.get(parts[1] if len(parts) > 1 else package)

    wrong = []
    for name, imported, _ in edges:
        here, there = floor(name), floor(imported)
        if here is None or there is None or there > here:
            wrong.append(f"{name} (floor {here}) imports {imported} (floor {there})")
    return wrong


@pytest.fixture(params=SOURCES)
def package(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def edges(package: str) -> list[Edge]:
    return graph(package, SOURCES[package])


def test_no_circle(package: str, edges: list[Edge]) -> None:
    assert circle(inner(edges, package)) is None


def test_nothing_imports_upward(package: str, edges: list[Edge]) -> None:
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    assert upward(inner(edges, package), package, floors(page)[package]) == []


def test_the_packages_stand_apart(package: str, edges: list[Edge]) -> None:
    allowed = {"afterword": set(), "afterword_sink": set(), "atomic": {"afterword"}}[package]
    others = {imported.partition(".")[0] for _, imported, _ in edges} & SOURCES.keys()
    assert others - {package} == allowed


def is_folder(module: str) -> bool:
    """Does the module stand in a folder of the engine, and so never run in a command?"""
    parts = module.split(".")
    return len(parts) > 1 and (SOURCES["afterword"] / parts[1]).is_dir()


def test_the_top_of_the_engine_loads_only_the_top() -> None:
    for name, imported, at_once in graph("afterword", SOURCES["afterword"]):
        if is_folder(name):
            continue
        if at_once and imported not in PRELOADED:
            assert imported.partition(".")[0] == "afterword", f"{name} loads {imported}"
            assert not is_folder(imported), f"{name} loads {imported}, which stands in a folder"
        if is_folder(imported):
            assert name == "afterword.telemetry", f"{name} imports {imported}"


def test_the_core_imports_the_standard_library_only() -> None:
    """What needs an extra stands in a file of its own."""
    extras = {"afterword.exporters.azure_official", "afterword.exporters.otel"}
    for name, imported, _ in graph("afterword", SOURCES["afterword"]):
        top = imported.partition(".")[0]
        if top not in sys.stdlib_module_names and top != "afterword":
            frameworks = ("afterword.integrations.", "afterword.testing.")
            assert name in extras or name.startswith(frameworks), f"{name} imports {imported}"


def test_a_circle_is_found(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text("from p import two\n")
    (tmp_path / "two.py").write_text("def later():\n    from p.one import x\n")
    found = circle(graph("p", tmp_path))
    assert found is not None
    assert {"p.one", "p.two"} <= set(found)


def test_an_import_for_types_counts_as_upward(tmp_path: Path) -> None:
    (tmp_path / "low.py").write_text(
        "TYPE_CHECKING = False\nif TYPE_CHECKING:\n    from p.high import High\n"
    )
    (tmp_path / "high.py").write_text("")
    wrong = upward(graph("p", tmp_path), "p", {"low": 1, "high": 2})
    assert wrong == ["p.low (floor 1) imports p.high (floor 2)"]
