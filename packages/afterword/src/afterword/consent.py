"""May we? One answer, with its reason. Pure: environment, policy and state are passed in.

Order: a CI machine, `<APP>_TELEMETRY`, `DO_NOT_TRACK`, the organisation's policy, the person's own
state. Each of the first four can only say no.
"""

from afterword import ci

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from afterword.statefile import Flat

_NO = ("0", "false", "no", "off")


class Decision:
    """Whether telemetry is on, and why.

    `on`: may events be recorded and sent. `reason`: one sentence part for people. `cause`: one
    word for programs (`ci`, `variable`, `do-not-track`, `policy`, `folder`, `no-consent`,
    `turned-off`, `consent`). `log`: record nothing, but print what would be (`=log`).
    """

    __slots__ = ("cause", "log", "on", "reason")

    def __init__(self, on: bool, cause: str, reason: str, *, log: bool = False) -> None:
        self.on = on
        self.cause = cause
        self.reason = reason
        self.log = log

    def __repr__(self) -> str:
        return f"Decision(on={self.on}, cause={self.cause!r}, reason={self.reason!r})"


def forbidden_by_environment(prefix: str, environment: "Mapping[str, str]") -> Decision | None:
    """The no that a variable says; None if none does. `prefix` as in `ATOMIC`."""
    machine = ci.detect(environment)
    if machine is not None:
        return Decision(False, "ci", f"this is a CI machine: {machine} is set")
    own = f"{prefix}_TELEMETRY"
    said = environment.get(own, "").strip().lower()
    if said in _NO:
        return Decision(False, "variable", f"{own}={environment[own]}")
    if said == "log":
        return Decision(False, "variable", f"{own}=log prints, and records nothing", log=True)
    track = environment.get("DO_NOT_TRACK", "")
    if track.strip().lower() not in ("", "0", "false"):
        return Decision(False, "do-not-track", f"DO_NOT_TRACK={track}")
    return None


def of_person(state: "Flat | None") -> Decision:
    """What the person has said, by the state file's content (None: there is no such file)."""
    if state is None or state.get("consentGiven") is None:
        return Decision(False, "no-consent", "nobody has been asked yet, or answered")
    if state["consentGiven"] is True and state.get("enabled") is True:
        return Decision(True, "consent", f"turned on {_since(state)}")
    return Decision(False, "turned-off", f"turned off {_since(state)}")


def _since(state: "Flat") -> str:
    at = state.get("decidedAt") or state.get("createdAt")
    return f"on {at[:10]}" if isinstance(at, str) else "on an unknown date"
