"""The engine's own uploader, by whatever way a program starts: from a command to the sent event.

Each program lies in a folder with modules named as the standard library's, each is run in a folder
that holds such modules too, and none of them has a flag, a file or an import for the uploader.
What needs tools of its own (PyInstaller, pipx, Jupyter, …) is in `tools/frozen`: `make frozen`.
"""

import os
import subprocess
import sys
import time
import zipapp
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from support import Server, users_environment, wait_until

import afterword

SHADOWS = ("logging", "json", "queue", "calendar", "platform", "argparse", "site", "ssl", "http")
"""Modules that break every program that comes to import them."""

TOOL = """
from afterword import Event, Flag, Telemetry

telemetry = Telemetry(
    "tool", version="1.0", events=[Event("done", well=Flag())],
    connection_string="InstrumentationKey=00000000-0000-4000-8000-000000000001;"
    "IngestionEndpoint=https://tool.invalid",
)


def main():
    telemetry.turn_on()
    telemetry.record("done", well=True)
    print("done")
"""
SCRIPT = TOOL + "\nmain()\n"


def shadowed(folder: Path) -> Path:
    """The folder, with modules in it that must not be imported."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in SHADOWS:
        (folder / f"{name}.py").write_text(f"raise SystemExit('{name}.py was imported')\n")
    return folder


@pytest.fixture
def variables(server: Server, home: Path) -> dict[str, str]:
    """What a user's shell has: nothing of a test, and our server as the destination."""
    return users_environment(TOOL_TELEMETRY_CONNECTION_STRING=server.connection_string)


def run_and_see(
    command: Sequence[str | os.PathLike[str]],
    variables: Mapping[str, str],
    server: Server,
    folder: Path,
    stdin: str = "",
) -> None:
    """Run a program in a hostile folder; its event has to arrive by itself."""
    done = subprocess.run(
        command,
        cwd=shadowed(folder / "users"),
        env=variables,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("done\n", 0), done.stderr
    wait_until(server.events, 30)
    assert [event["well"] for event in server.events()] == ["True"]
    data = Path(variables.get("LOCALAPPDATA") or f"{variables['HOME']}/.local/share") / "tool"
    wait_until(lambda: not list(data.glob("telemetry-started")), 5)


def test_a_script(server: Server, variables: dict[str, str], tmp_path: Path) -> None:
    script = tmp_path / "tool.py"
    script.write_text(SCRIPT)
    run_and_see([sys.executable, script], variables, server, tmp_path)


def test_a_script_beside_modules_named_as_the_standard_librarys(
    server: Server, variables: dict[str, str], tmp_path: Path
) -> None:
    script = shadowed(tmp_path / "tool") / "tool.py"
    script.write_text(SCRIPT)
    run_and_see([sys.executable, "-P", script], variables, server, tmp_path)


def test_neither_a_users_module_path_nor_another_afterword_wins(
    server: Server, variables: dict[str, str], tmp_path: Path
) -> None:
    path = shadowed(tmp_path / "path")
    (path / "site.py").unlink()  # Python itself would import that one
    (path / "afterword").mkdir()
    (path / "afterword" / "__init__.py").write_text("raise SystemExit('another afterword')\n")
    script = tmp_path / "tool.py"
    script.write_text(f"import sys\nsys.path.remove({str(path)!r})\n{SCRIPT}")
    run_and_see([sys.executable, script], variables | {"PYTHONPATH": str(path)}, server, tmp_path)


def test_an_exporter_that_needs_another_package(
    server: Server, variables: dict[str, str], tmp_path: Path
) -> None:
    """The official SDK is found: for it alone, site-packages are on the uploader's path."""
    script = tmp_path / "tool.py"
    official = 'exporter="azure_official", connection_string'
    script.write_text(SCRIPT.replace("connection_string", official, 1))
    run_and_see([sys.executable, script], variables, server, tmp_path)


def package(folder: Path) -> Path:
    """A package with relative imports and a module named as one of the standard library's."""
    inside = folder / "tool"
    inside.mkdir(parents=True)
    (inside / "__init__.py").touch()
    (inside / "logging.py").write_text("WORD = 'ours'\n")
    (inside / "json.py").write_text("WORD = 'ours'\n")
    (inside / "cli.py").write_text("from .logging import WORD\nfrom . import json\n" + TOOL)
    (inside / "__main__.py").write_text("from .cli import main\n\nmain()\n")
    return folder


def test_python_m(server: Server, variables: dict[str, str], tmp_path: Path) -> None:
    variables["PYTHONPATH"] = str(package(tmp_path / "src"))
    run_and_see([sys.executable, "-P", "-m", "tool"], variables, server, tmp_path)


@pytest.mark.posix("a program that is a script, /bin/false")
def test_a_console_script(server: Server, variables: dict[str, str], tmp_path: Path) -> None:
    """As pip writes it: a file without a suffix that imports the package."""
    source = package(tmp_path / "src")
    script = tmp_path / "bin" / "tool"
    script.parent.mkdir()
    script.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(1, {str(source)!r})\n"
        "from tool.cli import main\nif __name__ == '__main__':\n    sys.exit(main())\n"
    )
    script.chmod(0o755)
    run_and_see([script], variables, server, tmp_path)


def test_a_zipapp(server: Server, variables: dict[str, str], tmp_path: Path) -> None:
    """With the engine in it, and not on the machine."""
    source = package(tmp_path / "src")
    engine = Path(afterword.__file__).parent
    for path in engine.rglob("*.py"):
        copy = source / "afterword" / path.relative_to(engine)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    cli = source / "tool" / "cli.py"
    cli.write_text(cli.read_text() + "    import os\n    os.chdir('/')\n")
    zipapp.create_archive(source, shadowed(tmp_path / "users") / "tool.pyz", main="tool.cli:main")
    run_and_see([sys.executable, "-I", "-S", "tool.pyz"], variables, server, tmp_path)


def test_a_program_from_stdin(server: Server, variables: dict[str, str], tmp_path: Path) -> None:
    run_and_see([sys.executable, "-P", "-"], variables, server, tmp_path, stdin=SCRIPT)


EMBEDDED = "import sys\nsys.executable = {executable!r}\n" + SCRIPT


@pytest.mark.parametrize("executable", ["/usr/bin/host", "", None])
def test_inside_another_program_nothing_is_started_and_status_says_so(
    executable: str | None, variables: dict[str, str], home: Path, tmp_path: Path
) -> None:
    script = tmp_path / "tool.py"
    said = "import afterword.control.commands as c\nc.run(telemetry, 'status')\n"
    script.write_text(EMBEDDED.format(executable=executable) + said)
    done = subprocess.run(
        [sys.executable, script],
        env=variables, capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    assert "nothing is started: Python runs inside another program" in done.stdout
    names = {path.name for path in (home / ".local/share/tool").iterdir()}
    assert names == {"telemetry.json", "telemetry-events.jsonl"}


@pytest.mark.posix("a program that is a script, /bin/false")
def test_status_counts_uploaders_that_never_came_to_life(
    variables: dict[str, str], home: Path, tmp_path: Path
) -> None:
    """After three of them none is started for an hour; the events wait."""
    script = tmp_path / "tool.py"
    text = SCRIPT.replace("connection_string", "uploader=['/bin/false'], connection_string")
    text = text.replace("telemetry.turn_on()", "telemetry.decision().on or telemetry.turn_on()")
    script.write_text(text)
    data = home / ".local/share/tool"
    for started in (1, 2, 3, 3):
        subprocess.run([sys.executable, script], env=variables, timeout=30, check=True)
        assert (data / "telemetry-started").stat().st_size == started
    script.write_text(text + "import afterword.control.commands as c\nc.run(telemetry, 'status')\n")

    def status() -> str:
        return subprocess.run(
            [sys.executable, script],
            env=variables, capture_output=True, text=True, timeout=30, check=True,
        ).stdout  # fmt: skip

    assert "never reported" not in status()  # the last may still come to life
    before = time.time() - 60
    os.utime(data / "telemetry-started", (before, before))
    said = status()
    assert "started 3 times and never reported; try: tool telemetry upload" in said
