"""The three clients: what is installed, how each is led to the stub model, started and ended.

All that is said here about a client is from its own help or was seen with the version named.
"""

import json
import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from atomic.agents import AGENTS

from . import model

COMMAND, ARGUMENTS = "commit", ("fix", "the", "thing")
TYPED = f"/{COMMAND} {' '.join(ARGUMENTS)}"
DOLLAR_TYPED = f"${COMMAND} {' '.join(ARGUMENTS)}"
KEY = "dummy-key-of-the-agents-test"

_TRUSTED = "--dangerously-bypass-hook-trust"  # else a person has to agree to each hook
_CODEX_CONFIG = """model = "{model}"
model_provider = "stub"
check_for_update_on_startup = false
[analytics]
enabled = false
[model_providers.stub]
name = "Stub"
base_url = "{url}/v1"
env_key = "STUB_KEY"
wire_api = "responses"
[projects."{project}"]
trust_level = "trusted"
"""
_MUSL = f"{platform.machine()}-unknown-linux-musl"
_MACHINE = {"x86_64": "x64", "aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "?")


@dataclass(frozen=True)
class Client:
    """One client.

    Attributes:
        key: Our name of the agent.
        version: The version in the npm registry.
        program: The program, within `node_modules`. Each but one is a native one, in a package for
            this system that npm picks; the package itself only finds it, so no install script need
            run. Gemini CLI is a script for Node.
        configure: Given home, project and the model's URL: writes the client's own settings, and
            returns its environment.
        prompt: The arguments that run one prompt, and end.
        screen: The arguments that open the screen.
        ready: What stands on the screen when it takes a prompt.
        leave: The keys that end it.
        expands_prompt: Whether it expands a command in its one-prompt form, before the model.
        asks_first: What its screen asks before it is ready: a text, and the key that answers.
        typed: The command as it is typed.
    """

    key: str
    version: str
    program: str
    configure: Callable[[str, str, str], Mapping[str, str]]
    prompt: tuple[str, ...]
    screen: tuple[str, ...]
    ready: str
    leave: tuple[str, ...]
    expands_prompt: bool = True
    asks_first: tuple[tuple[str, str], ...] = ()
    typed: str = TYPED

    @property
    def name(self) -> str:
        """As its makers write it."""
        return AGENTS[self.key].name

    @property
    def package(self) -> str:
        """Its package in the npm registry."""
        return AGENTS[self.key].package


def _claude(home: str, project: str, url: str) -> dict[str, str]:
    """A person who has been through the first start, and trusts the project."""
    trusted = {project: {"hasTrustDialogAccepted": True}}
    _write(os.path.join(home, ".claude.json"), hasCompletedOnboarding=True, projects=trusted)
    return {
        "ANTHROPIC_BASE_URL": url,
        "ANTHROPIC_AUTH_TOKEN": KEY,  # unlike ANTHROPIC_API_KEY it is not asked about
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "CLAUDE_CODE_TMPDIR": os.path.join(os.path.dirname(home), "tmp"),  # TMPDIR is not enough
    }


def _copilot(home: str, project: str, url: str) -> dict[str, str]:
    """Offline, with a provider of one's own (`copilot help environment`): no login is needed."""
    _write(os.path.join(home, ".copilot", "config.json"), trustedFolders=[project])
    return {
        "COPILOT_OFFLINE": "true",
        "COPILOT_AUTO_UPDATE": "false",
        "COPILOT_PROVIDER_BASE_URL": f"{url}/v1",
        "COPILOT_PROVIDER_API_KEY": KEY,
        "COPILOT_MODEL": model.NAME,
    }


def _opencode(home: str, _project: str, url: str) -> dict[str, str]:
    """A provider in the user's own settings; npm, which it calls for plugins, refused at once."""
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "Stub",
        "options": {"baseURL": f"{url}/v1", "apiKey": KEY},
        "models": {model.NAME: {"name": "Stub"}},
    }
    _write(
        os.path.join(home, ".config", "opencode", "opencode.json"),
        autoupdate=False,
        share="disabled",
        model=f"stub/{model.NAME}",
        small_model=f"stub/{model.NAME}",
        provider={"stub": provider},
    )
    with open(os.path.join(home, ".npmrc"), "w", encoding="utf-8") as file:
        file.write(f"registry={url}/npm/\nfetch-retries=0\n")  # without it a start takes 70 s
    return {"OPENCODE_DISABLE_MODELS_FETCH": "1", "OPENCODE_DISABLE_AUTOUPDATE": "1"}


def _gemini(home: str, project: str, url: str) -> dict[str, str]:
    """A key of one's own, the folder trusted; one model named, so that none has to be chosen."""
    folder = os.path.join(home, ".gemini")
    _write(
        os.path.join(folder, "settings.json"),
        security={"auth": {"selectedType": "gemini-api-key"}, "folderTrust": {"enabled": True}},
        general={"enableAutoUpdate": False, "enableAutoUpdateNotification": False},
        privacy={"usageStatisticsEnabled": False},
    )
    _write(os.path.join(folder, "trustedFolders.json"), **{project: "TRUST_FOLDER"})
    return {"GEMINI_API_KEY": KEY, "GOOGLE_GEMINI_BASE_URL": url, "GEMINI_MODEL": model.NAME}


def _codex(home: str, project: str, url: str) -> dict[str, str]:
    """A provider of one's own, the folder trusted; hooks are trusted by an option."""
    folder = os.path.join(home, ".codex")
    os.makedirs(folder)
    with open(os.path.join(folder, "config.toml"), "w", encoding="utf-8") as file:
        file.write(_CODEX_CONFIG.format(model=model.NAME, url=url, project=project))
    return {"STUB_KEY": KEY}


def _write(path: str, **settings: object) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(settings, file)


CLIENTS = (
    Client(
        key="claude",
        version="2.1.330",
        program=f"@anthropic-ai/claude-code-linux-{_MACHINE}/claude",
        configure=_claude,
        prompt=("claude", "-p", TYPED),
        screen=("claude",),
        ready="\N{HEAVY RIGHT-POINTING ANGLE QUOTATION MARK ORNAMENT}",
        leave=("C-c", "C-c"),
    ),
    Client(
        key="copilot",
        version="1.0.102",
        program=f"@github/copilot-linux-{_MACHINE}/copilot",
        configure=_copilot,
        prompt=("copilot", "-p", TYPED, "--trust-folder", "--allow-all-tools"),
        screen=("copilot",),
        ready="\N{HEAVY RIGHT-POINTING ANGLE QUOTATION MARK ORNAMENT}",
        leave=("C-c", "C-c"),
        expands_prompt=False,  # the model is told of the skills, and would ask for this one
    ),
    Client(
        key="opencode",
        version="1.18.33",
        program=f"opencode-linux-{_MACHINE}/bin/opencode",
        configure=_opencode,
        prompt=("opencode", "run", "--command", COMMAND, *ARGUMENTS),
        screen=("opencode",),
        ready="Ask anything",
        leave=("C-c",),
    ),
    Client(
        key="gemini",
        version="0.61.0",
        program="@google/gemini-cli/bundle/gemini.js",
        configure=_gemini,
        prompt=("gemini", "-p", TYPED),
        screen=("gemini",),
        ready="Type your message",
        leave=("C-c", "C-c"),
        asks_first=(("New Agents Discovered", "Enter"),),
    ),
    Client(
        key="codex",
        version="0.169.0",
        program=f"@openai/codex-linux-{_MACHINE}/vendor/{_MUSL}/bin/codex",
        configure=_codex,
        prompt=("codex", "exec", _TRUSTED, DOLLAR_TYPED),
        screen=("codex", _TRUSTED),
        ready="\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}",
        leave=("C-c", "C-c"),
        typed=DOLLAR_TYPED,
    ),
)
