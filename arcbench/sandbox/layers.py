"""What a pool makes of the layers of isolation that its zygotes could not switch on."""

import logging

from arcbench.errors import UserError

_log = logging.getLogger(__name__)
_warned: set[str] = set()

# What a program can do where a layer is off (and no other one stops it).
_MEANING = {
    "memory limit": "use all memory",
    "private network": "reach the network",
    "files hidden (mount namespace)": "read files, where Landlock is off too",
    "processes hidden (pid namespace)": "see the processes of this machine",
    "descendants killed": "leave processes behind",
    "no privileges": "use the privileges of this user",
    "files hidden (Landlock)": "change files, where seccomp is off too",
    "system calls filtered (seccomp)": "make processes and change files",
}


def parse_hello(body: bytes) -> dict[str, str]:
    """Layer → why it is off, "" if it is on."""
    pairs = (line.partition("=") for line in body.decode().splitlines())
    return {name: "" if why == "1" else why for name, _, why in pairs}


def warn_once(layers: dict[str, str]) -> None:
    """Say for each layer that is off what that means, once in a process."""
    for name, why in layers.items():
        if why and name not in _warned:
            _warned.add(name)
            means = _MEANING.get(name, "do what it is for")
            _log.warning("sandbox: %s is off (%s): a program may %s", name, why, means)


def refusal(layers: dict[str, str]) -> UserError | None:
    """The error for `Limits(require_isolation=True)`; None if all layers are on."""
    off = [f"  {name}: {why}" for name, why in layers.items() if why]
    if not off:
        return None
    return UserError(
        "Limits(require_isolation=True) refuses to run programs here, where layers are off:\n"
        + "\n".join(off)
        + "\nMend what is named, run elsewhere, or do with less: require_isolation=False"
    )
