"""May events be recorded and sent? One answer, with its reason. Pure.

Environment, policy and state are passed in.

Order: a CI machine, `<APP>_TELEMETRY`, `DO_NOT_TRACK`, the organisation's policy, the person's own
state. Each of the first four can only say no. On the startup path.
"""

from afterword.folder import DataFolder, read_flat, stamp, why_untrusted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Protocol

    from afterword.folder import Flat

    class Application(Protocol):
        """The part of a `Telemetry` that the answer depends on."""

        prefix: str
        policy: str
        connection_string: str | None
        exporter: str | None
        environment: Mapping[str, str]

        @property
        def folder(self) -> DataFolder | None: ...  # noqa: D102  # documented on Telemetry
        @property
        def declared(self) -> str: ...  # noqa: D102


TESTING = "AFTERWORD_TESTING"
"""The variable by which a test asks for telemetry, here and in the programs it starts; whoever sets
it gives them a home folder of their own as well."""

_YES = ("", "1", "true", "yes", "on")  # these do not turn it off; any other value does

# What continuous-integration machines set, by the `ci-info` package, 4.5.0. They run
# so many commands that the figures would say nothing about people.
_CI = frozenset((
    "AC_APPCIRCLE", "AGOLA_GIT_REF", "ALPIC_HOST", "APPCENTER_BUILD_ID", "APPVEYOR",
    "bamboo_planKey", "BITBUCKET_COMMIT", "BITRISE_IO", "BUDDY_WORKSPACE_ID", "BUILD_ID",
    "BUILD_NUMBER", "BUILDER_OUTPUT", "BUILDKITE", "CAPAWESOME_CLOUD", "CF_BUILD_ID",
    "CF_PAGES", "CI", "CI_APP_ID", "CI_BUILD_ID", "CI_BUILD_NUMBER", "CI_NAME",
    "CI_XCODE_PROJECT", "CIRCLECI", "CIRRUS_CI", "CM_BUILD_ID", "CODEBUILD_BUILD_ARN",
    "CONTINUOUS_INTEGRATION", "DRONE", "DSARI", "EARTHLY_CI", "EAS_BUILD", "GERRIT_PROJECT",
    "GITEA_ACTIONS", "GITHUB_ACTIONS", "GITLAB_CI", "GO_PIPELINE_LABEL", "HARNESS_BUILD_ID",
    "HUDSON_URL", "LAYERCI", "MAGNUM", "NETLIFY", "NEVERCODE", "NOW_BUILDER", "PROW_JOB_ID",
    "RELEASE_BUILD_ID", "RENDER", "RUN_ID", "RWX", "SAILCI", "SCREWDRIVER", "SEMAPHORE",
    "STRIDER", "TEAMCITY_VERSION", "TF_BUILD", "TRAVIS", "VELA", "VERCEL", "WORKERS_CI", "XCS",
))  # fmt: skip
_HEROKU = "/app/.heroku/node/bin/node"


class Notice:
    """What the person is told before they are asked, beside what the declarations say themselves.

    Args:
        where: who gets the events, and for how long they are kept there.
        more: the page that explains it, or the command that does.
        collected: what an event says, in one sentence; by default, made from the declarations.
        never: what no event can say; by default, what the engine guarantees.
    """

    __slots__ = ("collected", "more", "never", "where")

    def __init__(self, *, where: str, more: str, collected: str = "", never: str = "") -> None:
        self.where = where
        self.more = more
        self.collected = collected
        self.never = never


class Decision:
    """Whether telemetry is on, and why.

    `on`: may events be recorded and sent. `reason`: part of a sentence, for people. `cause`: a word
    for programs (`ci`, `variable`, `do-not-track`, `test`, `policy`, `no-destination`, `folder`,
    `no-consent`, `turned-off`, `notice-grown`, `declarations`, `consent`). `log`: record nothing,
    but print what would be (`=log`).
    """

    __slots__ = ("cause", "log", "on", "reason")

    def __init__(self, on: bool, cause: str, reason: str, *, log: bool = False) -> None:
        self.on = on
        self.cause = cause
        self.reason = reason
        self.log = log

    def __repr__(self) -> str:
        return f"Decision(on={self.on}, cause={self.cause!r}, reason={self.reason!r})"


class Permission:
    """Whether one application may record and send in this process; reads what that depends on.

    A small file is read again only after a change, since a program may record thousands of events.
    """

    __slots__ = ("_application", "_ci", "_seen", "_why_not_to")

    def __init__(self, application: "Application") -> None:
        self._application = application
        self._ci: str | None = None
        self._seen: dict[str, tuple[tuple[int, ...], Flat]] = {}
        self._why_not_to: dict[str, str | None] = {}

    def decide(self) -> "tuple[Decision, Flat]":
        """The decision, and the state file's content where that was read on the way."""
        application = self._application
        if self._ci is None:  # a process does not move to another machine
            self._ci = ci_variable(application.environment)
        no = forbidden_by_environment(application.prefix, application.environment, self._ci)
        if no is not None:
            return no, {}
        there, policy = self._read(application.policy)
        no = forbidden_by_policy(application.policy, policy, exists=there is not None)
        if no is not None:
            return no, {}
        no = self.forbidden_by_destination(self._destination(policy))
        if no is not None:
            return no, {}
        folder = application.folder
        if folder is None:
            return Decision(False, "folder", "there is no home folder to keep it in"), {}
        untrusted = why_untrusted(folder.path)
        if untrusted is not None:
            return Decision(False, "folder", untrusted), {}
        state = self._read(folder.state)[1]
        try:
            return of_person(state, declared=lambda: application.declared), state or {}
        except ValueError as error:  # DeclarationError; recording tells it in development
            return Decision(False, "declarations", f"a declaration breaks a rule: {error}"), {}

    def destination(self) -> str | None:
        """The connection string in force: the policy's, the variable's, or the application's."""
        there, policy = self._read(self._application.policy)
        return self._destination(policy) if policy is not None or there is None else None

    def forbidden_by_destination(self, connection_string: str | None) -> Decision | None:
        """The no of a connection string to which nothing can be sent; None if it is fit."""
        if connection_string is None:
            return Decision(False, "no-destination", "there is nowhere to send it to")
        if connection_string not in self._why_not_to:
            why_not = None
            exporter = self._application.exporter
            own = exporter is not None and ":" in exporter  # it has rules of its own
            if not own and not is_usual_destination(connection_string):
                from afterword import destination

                why_not = destination.why_not(connection_string)
            self._why_not_to[connection_string] = why_not
        why_not = self._why_not_to[connection_string]
        if why_not is None:
            return None
        return Decision(False, "no-destination", f"the connection string cannot be used: {why_not}")

    def _destination(self, policy: "Flat | None") -> str | None:
        set_by_policy = policy.get("connectionString") if policy else None
        if isinstance(set_by_policy, str):
            return set_by_policy
        variable = f"{self._application.prefix}_TELEMETRY_CONNECTION_STRING"
        return self._application.environment.get(variable) or self._application.connection_string

    def holds(self, anonymous_id: str) -> bool:
        """Is it still on by the person's answer, and this the id in it?"""
        folder = self._application.folder
        state = self._read(folder.state)[1] if folder is not None else None
        return (
            state is not None
            and state.get("enabled") is True
            and state.get("anonymousId") == anonymous_id
        )

    def _read(self, path: str) -> "tuple[tuple[int, ...] | None, Flat | None]":
        """The small file's stamp and content, read anew only after a change, or a failure."""
        now = stamp(path)
        if now is None:
            return None, None
        seen = self._seen.get(path)
        if seen is None or seen[0] != now:
            content = read_flat(path)
            if content is None:
                return now, None
            seen = self._seen[path] = now, content
        return seen


def ci_variable(environment: "Mapping[str, str]") -> str:
    """The variable that marks this as a CI machine; empty if there is none.

    `CI=false` overrules every other sign, as in `ci-info`.
    """
    if environment.get("CI") == "false":
        return ""
    # Through the environment and not through the list: reading a variable costs a decoding.
    for name in environment:
        if name in _CI and environment[name]:
            return name
    return "NODE" if _HEROKU in environment.get("NODE", "") else ""


def forbidden_by_environment(
    prefix: str, environment: "Mapping[str, str]", ci: str = ""
) -> Decision | None:
    """The decision of a variable that forbids it; None if none does.

    `prefix`: as in `ATOMIC`. `ci`: what `ci_variable` said of this environment.
    """
    if ci:
        return Decision(False, "ci", f"this is a CI machine: {ci} is set")
    own = f"{prefix}_TELEMETRY"
    said = environment.get(own, "").strip().lower()
    if said == "log":
        return Decision(False, "variable", f"{own}=log prints, and records nothing", log=True)
    if said not in _YES:
        return Decision(False, "variable", f"{own}={environment[own]}")
    track = environment.get("DO_NOT_TRACK", "")
    if track.strip().lower() not in ("", "0", "false"):
        return Decision(False, "do-not-track", f"DO_NOT_TRACK={track}")
    # pytest sets the one for its whole session (since 8.2), the other for each test.
    under_test = "PYTEST_VERSION" in environment or "PYTEST_CURRENT_TEST" in environment
    if under_test and not environment.get(TESTING):
        return Decision(False, "test", "a test runs, and did not ask for it (afterword.testing)")
    return None


def forbidden_by_policy(path: str, policy: "Flat | None", *, exists: bool) -> Decision | None:
    """The decision of a policy file that forbids it; None if it does not. It can never permit.

    A policy that exists and is not understood, as a whole or in one key, forbids: whoever wrote it
    meant something.
    """
    if policy is None:
        return Decision(False, "policy", f"{path} cannot be read") if exists else None
    for key in policy:
        value = policy[key]
        if key == "enabled":
            if value is not True:
                why = "" if value is False else ": 'enabled' must be true or false"
                return Decision(False, "policy", f"forbidden by {path}{why}")
        elif key != "connectionString":
            known = "it knows 'enabled' and 'connectionString'"
            return Decision(False, "policy", f"{path} says {key[:64]!r}; {known}")
        elif not isinstance(value, str) or not value:
            return Decision(False, "policy", f"{path}: 'connectionString' must be a text")
    return None


def is_usual_destination(text: object) -> bool:
    """Is it `InstrumentationKey=…;IngestionEndpoint=https://…`, and a host that can be asked?

    Most are, and then `destination`, which knows the other forms and says what is wrong with one,
    has not to be loaded. What passes here passes there.
    """
    if not isinstance(text, str) or not text.startswith("InstrumentationKey="):
        return False
    key, _, host = text[19:].partition(";IngestionEndpoint=https://")
    host = host.removesuffix("/")
    return (
        host.isascii()
        and host.replace(".", "").replace("-", "").isalnum()
        and host[0] not in ".-"
        and ".." not in host
        and len(host) <= 253  # noqa: PLR2004  # RFC 1035, section 2.3.4
        and not f".{host.lower()}".rstrip(".").endswith(".invalid")
        and [len(group) for group in key.split("-")] == [8, 4, 4, 4, 12]
        and not key.strip("-0123456789abcdefABCDEF")
    )


def of_person(state: "Flat | None", *, declared: "Callable[[], str]") -> Decision:
    """The person's answer, from the state file's content (None: there is no such file).

    A yes covers the fields that were declared then. If there are more now, the person is asked
    again.

    Args:
        state: the state file's content.
        declared: gives the fields declared now, as `schema.fingerprint`; called after a yes only.
    """
    if state is None or state.get("consentGiven") is None:
        return Decision(False, "no-consent", "nobody has been asked yet, or nobody has answered")
    if state["consentGiven"] is not True or state.get("enabled") is not True:
        return Decision(False, "turned-off", f"turned off on {_date(state)}")
    if has_grown(state, declared()):
        return Decision(
            False, "notice-grown", "more is collected than was agreed to; not asked yet"
        )
    return Decision(True, "consent", f"since {_date(state)}")


def has_grown(state: "Flat", declared: str) -> bool:
    """Is more declared than was agreed to? No where the state does not say what that was."""
    agreed = state.get("agreed", declared)
    if agreed == declared:
        return False
    return not isinstance(agreed, str) or not set(declared.split()) <= set(agreed.split())


def _date(state: "Flat") -> str:
    at = state.get("decidedAt") or state.get("createdAt")
    return at[:10] if isinstance(at, str) else "an unknown date"
