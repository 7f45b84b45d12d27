"""Does a server follow the weights? The check in a process of its own, and what it saw."""

import sys
import time
from dataclasses import dataclass
from pathlib import Path

from arcbench.errors import UserError
from arcbench.folders import RunState, Status, free_name
from arcbench.health.errand import Errand, errands, forget_old, send
from arcbench.training.check_sync import ServerSync

PREFIX = "sync-"
TIMEOUT_S = 1800.0  # an 8B model is loaded once more
KEPT = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class SyncReport:
    """How a check stands, and what it saw."""

    name: str
    url: str
    policy: str
    checks: int  # that were asked for
    status: Status
    seconds: float  # since it was started, or that it took
    server: ServerSync | None = None  # None until it is done
    said: tuple[str, ...] = ()  # the last lines of its log


def start(root: Path, url: str, *, policy: str, rank: int, checks: int, device: str) -> str:
    """Start the check of a server; returns its name. UserError for a value that does not fit."""
    if not url.startswith(("http://", "https://")):
        raise UserError(f"a server's address looks like http://127.0.0.1:8000, not {url!r}")
    if rank < 1 or checks < 0:
        raise UserError(f"rank must be at least 1 and checks at least 0, not {rank} and {checks}")

    def words(folder: Path) -> list[str]:
        return [
            sys.executable, "-m", "arcbench", "check-sync", "--url", url, "--policy", policy,
            "--rank", str(rank), "--checks", str(checks), "--device", device,
            "--folder", str(folder / "adapters"), "--out", str(folder / "result.json"),
        ]  # fmt: skip

    forget_old(root, PREFIX, KEPT)
    about = {"kind": "check-sync", "url": url, "policy": policy, "checks": checks}
    made = send(root, free_name(root, f"{PREFIX}check"), words, about=about, timeout_s=TIMEOUT_S)
    return made.name


def reports(root: Path) -> list[SyncReport]:
    """All checks, the newest first."""
    return [read(errand) for errand in errands(root, PREFIX)]


def read(errand: Errand) -> SyncReport:
    """How a check stands."""
    from arcbench import jobs

    status, about = errand.status(), errand.settings()
    found = errand.result() or [] if status.state is RunState.FINISHED else []
    until = status.updated if status.state.over else time.time()
    return SyncReport(
        name=errand.name,
        url=about["url"],
        policy=about["policy"],
        checks=about["checks"],
        status=status,
        seconds=max(0.0, until - errand.started),
        server=ServerSync.from_dict(found[0]) if found else None,
        said=tuple(jobs.tail(errand, 6).splitlines()),
    )
