"""One session of one client, from `atomic init` to the event in the sink, and what must be so."""

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum

import psutil

from afterword_sink import LocalSink
from atomic.agents import AGENTS
from atomic.workflows import HELPERS, load

from .clients import ARGUMENTS, COMMAND, KEY, Client
from .model import ANSWER, StubModel
from .place import Place
from .terminal import Screen, ScreenError

START, TURN, END = 60.0, 60.0, 30.0  # seconds that a client may take
TYPING, TRIES = 10.0, 4
_SESSIONS = 'customEvents | where name == "agent_session" | project customDimensions'


class Form(Enum):
    """How the client is used, and for which agents the project is set up."""

    PROMPT = "one prompt, project set up for it alone"
    SCREEN = "on its screen, project set up for all"


class FailedError(Exception):
    """Something is not as it must be; the message says what."""


class SkippedError(Exception):
    """It cannot be tried here; the message says why."""


@dataclass
class Report:
    """What came of a session: `words` in one line, `details` in more, payloads if recorded."""

    outcome: str
    words: str
    details: list[str] = field(default_factory=list)
    payloads: list[str] = field(default_factory=list)


def run(client: Client, program: str, form: Form, *, recording: bool) -> Report:
    """Run one session of the client with its `program`, and say what came of it."""
    with (
        tempfile.TemporaryDirectory(prefix="agents-", ignore_cleanup_errors=True) as base,
        StubModel() as model,
        LocalSink() as sink,
    ):
        place = Place(base, {client.key: program}, sink.connection_string, recording=recording)
        try:
            words = _Session(client, place, model, sink).run(form)
        except SkippedError as reason:
            return Report("skipped", str(reason))
        except (FailedError, ScreenError, subprocess.TimeoutExpired) as error:
            first, *others = str(error).splitlines()
            asked = [f"the model was asked {len(model.prompts)} times", *model.others]
            return Report("failed", first, [*others, *asked], place.payloads)
        return Report("ok", words, payloads=place.payloads)


class _Session:
    """The steps of a session."""

    def __init__(self, client: Client, place: Place, model: StubModel, sink: LocalSink) -> None:
        self.client = client
        self.place = place
        self.model = model
        self.sink = sink
        self.workflow = next(workflow for workflow in load() if workflow.name == COMMAND)

    def run(self, form: Form) -> str:
        """Do it all, and return what arrived."""
        if form is Form.SCREEN and shutil.which("tmux") is None:
            raise SkippedError("tmux, which its screen is shown on, is not installed")
        place, client = self.place, self.client
        with _processes_that_end():
            keys = [client.key] if form is Form.PROMPT else list(AGENTS)
            self._must("git", "init", "--quiet")
            self._must("atomic", "config", "set", "telemetry", "true")
            self._must("atomic", "init", *(f"--agent={key}" for key in keys), "-y", "--no-banner")
            place.environment |= client.configure(place.home, place.project, self.model.url)
            if form is Form.PROMPT:
                said = self._must(*client.prompt, limit=START + TURN + END)
                _check(ANSWER in said, f"the model's answer is not in its output: {said!r}")
            else:
                self._use_screen()
            _check(self._reached_model(form), "the command did not reach the model")
            told = any(HELPERS[0] in prompt for prompt in self.model.prompts)
            expected = form is Form.SCREEN or not self.client.asks_first
            _check(told or not expected, "the model was not told of the sub-agents")
        return self._what_arrived()

    def _use_screen(self) -> None:
        with Screen(self.place, self.client.screen) as screen:
            for text, key in self.client.asks_first:
                self._answer(screen, text, key)
            screen.wait("its prompt", lambda: self.client.ready in screen.text(), START)
            self._type_command(screen)
            screen.press("Enter")
            screen.wait("the model's answer", lambda: ANSWER in screen.text(), TURN)
            for key in self.client.leave:
                screen.press(key)
            code = screen.wait_for_exit(END)
            _check(code == 0, f"exit {code} from {' '.join(self.client.screen)}")

    def _answer(self, screen: Screen, question: str, key: str) -> None:
        screen.wait(f"the question {question!r}", lambda: question in screen.text(), START)
        screen.press(key)
        screen.wait("the question being gone", lambda: question not in screen.text(), TYPING)

    def _type_command(self, screen: Screen) -> None:
        """Type the command, until it stands there.

        The clients know their commands a while after their start: once they offer this one, it is
        typed anew, and whole (OpenCode loses what is typed on while it offers). What was typed
        while a screen made itself ready may be lost, too: then it is tried again.
        """
        offered = self.workflow.description[:30]
        for left in reversed(range(TRIES)):
            try:
                screen.type(self.client.typed.split()[0])
                screen.wait("the command being offered", lambda: offered in screen.text(), TYPING)
                screen.press("C-u")
                screen.wait("an empty line", lambda: offered not in screen.text(), TYPING)
                screen.type(self.client.typed)
                screen.wait("what was typed", lambda: self.client.typed in screen.text(), TYPING)
            except ScreenError:
                if not left:
                    raise
                screen.press("C-u")
            else:
                return

    def _reached_model(self, form: Form) -> bool:
        """Whether a prompt holds the command's own first sentence, and what was typed with it.

        Where the client leaves the expansion to the model, the typed command stands there instead.
        """
        if form is Form.PROMPT and not self.client.expands_prompt:
            return any(self.client.typed in prompt for prompt in self.model.prompts)
        lines = self.workflow.body.splitlines()
        sentence = next(line for line in lines if line and not line.startswith("#"))
        parts = (json.dumps(sentence)[1:-1], " ".join(ARGUMENTS))
        return any(all(part in prompt for part in parts) for prompt in self.model.prompts)

    def _what_arrived(self) -> str:
        rows = [row["customDimensions"] for row in self.sink.query(_SESSIONS)]
        _check(len(rows) == 1, f"{len(rows)} agent_session events arrived: {rows}")
        (row,) = rows
        expected = {"agent_type": self.client.key, "commands": COMMAND, "command_count": "1"}
        found = {name: row.get(name) for name in expected}
        _check(found == expected, f"the event is {found}")
        sent = json.dumps([request.envelopes for request in self.sink.requests()])
        for private in (KEY, self.place.base, " ".join(ARGUMENTS)):
            _check(private not in sent, f"{private!r} is in what was sent")
        return "one agent_session: " + ", ".join(
            f"{name} {value}" for name, value in row.items() if name in expected
        )

    def _must(self, *command: str, limit: float = START) -> str:
        """Run it; what it says. It has to end with 0."""
        done = self.place.run(*command, limit=limit)
        said = f"{done.stdout}\n{done.stderr}".strip()
        _check(done.returncode == 0, f"exit {done.returncode} from {' '.join(command)}\n{said}")
        return said


@contextmanager
def _processes_that_end() -> Iterator[None]:
    """All that is started within ends by itself: hooks, uploaders, the clients' own helpers."""
    before = set(psutil.pids())

    def left() -> list[str]:
        return [name for pid in set(psutil.pids()) - before if (name := _name(pid))]

    yield
    wait_until(lambda: not left(), END, lambda: f"the end of {', '.join(left())}")


def _name(pid: int) -> str:
    """The command line of a process, empty if it has ended."""
    try:
        process = psutil.Process(pid)
        return "" if process.status() == psutil.STATUS_ZOMBIE else " ".join(process.cmdline())
    except psutil.Error:
        return ""


def wait_until(condition: Callable[[], bool], limit: float, what: str | Callable[[], str]) -> None:
    """Wait for `limit` seconds until it is so; raise FailedError if it is not."""
    until = time.monotonic() + limit
    while not condition():
        if time.monotonic() > until:
            raise FailedError(f"waited in vain for {what if isinstance(what, str) else what()}")
        time.sleep(0.1)


def _check(good: bool, otherwise: str) -> None:
    if not good:
        raise FailedError(otherwise)
