"""How quick the app is with many runs on disk: `python -m arcbench.ui.bench`.

Makes a folder of runs, starts the app on it as a user would, and drives it in headless Chromium.
Each line has the time from the click until the frame that shows what was asked for, taken in the
page itself, and the app's own processor time meanwhile, which says more where other work shares the
machine.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from math import sin
from pathlib import Path
from statistics import median
from typing import Any

from arcbench.errors import MissingExtra, UserError
from arcbench.judge import Attempt, Judge
from arcbench.policies.base import Completion
from arcbench.rewards import scheme
from arcbench.rollouts import Rollout
from arcbench.runs import RunState, RunStore
from arcbench.sandbox import SandboxPool
from arcbench.tasks import load_tasks
from arcbench.training.config import overfit_config

TASK = "67a3c6ac"
A_STEP = 100  # rollouts
PROGRAMS = (
    "return grid[:, ::-1]", "return grid[::-1]", "return grid.T", "return grid[grid",
    "return grid[99]", "return np.rot90(grid)", "raise ValueError(grid)", "return 'no grid'",
)  # fmt: skip
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ARGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")
# The name of a tab, and what is to be seen in it once it is of use.
TABS = {
    "Sample": "#ab-go",
    "Runs": "#ab-runs tr[data-run]",
    "Evaluate": "#ab-evals .ab-note",
    "Health": "#ab-health-found *",
    "Library": "#ab-library .lib-card",
    "Tasks": ".ab-thumb",
    # Last: when its form is looked at, a process checks it for ten seconds.
    "Train": "#ab-start",
}
# What was asked for: seconds.
LIMITS = {"first view": 2.0, "tab": 0.3, "rollout": 0.2}
SETTLED_MS = 700  # a reader's own time between two clicks
CHECKED_MS = 15_000  # until the form of the tab "Train" is checked
# Called with what is clicked, or a key that is pressed, and what is waited for.
TIMED_JS = """
([clicked, key, awaited]) => new Promise((done, fail) => {
  const begun = performance.now();
  const look = () => {
    const took = performance.now() - begun;
    if (document.querySelector(awaited)?.checkVisibility())
      requestAnimationFrame(() => setTimeout(() => done(performance.now() - begun)));
    else if (took > 60000) fail(Error(`${awaited} did not come`));
    else requestAnimationFrame(look);
  };
  if (key) document.body.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}));
  else document.querySelector(clicked).click();
  look();
})
"""


def make_runs(root: Path, runs: int, rollouts: int) -> None:
    """`runs` runs of `rollouts` rollouts each; all have the same ones."""
    first = RunStore.create(root, "bench-0", overfit_config(TASK).to_dict())
    judged = _judged()
    steps = max(1, rollouts // A_STEP)
    for step in range(1, steps + 1):
        shift = step % len(judged)
        turned = judged[shift:] + judged[:shift]
        first.write_rollouts(step, [replace(r, step=step, index=i) for i, r in enumerate(turned)])
        solved = 0.5 + 0.4 * sin(step / 9)
        first.append_metrics(step, {"reward/mean": 9 * solved, "solve_rate": solved})
    first.set_status(RunState.FINISHED, step=steps, total_steps=steps)
    for i in range(1, runs):
        store = RunStore.create(root, f"bench-{i}", first.config())
        shutil.copytree(first.path / "rollouts", store.path / "rollouts")
        shutil.copy(first.metrics_file, store.metrics_file)
        store.set_status(RunState.FINISHED, step=steps, total_steps=steps)


def _judged() -> list[Rollout]:
    """The rollouts of a step, as long as those of the embedded policy."""
    task = load_tasks("arc-agi-1", "training")[TASK]
    attempts = []
    for i in range(A_STEP):
        body = PROGRAMS[i % len(PROGRAMS)]
        code = f"import numpy as np\n\ndef transform(grid):\n    # {i}\n    {body}\n"
        tokens = tuple(range(60))
        text = Completion(
            text=f"```python\n{code}```", token_ids=tokens, logprobs=(-0.5,) * len(tokens)
        )
        attempts.append(Attempt(task=task, completion=text, index=i))
    with SandboxPool() as pool:
        return list(Judge(pool=pool, scheme=scheme("arc25-v2")).judge(attempts, step=1))


@dataclass(kw_only=True, slots=True)
class App:
    """The app's process."""

    process: subprocess.Popen[str]
    url: str
    start_s: float  # until it says its address

    def cpu_s(self) -> float:
        """Processor time that it has used so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def running(runs: Path) -> Iterator[App]:
    """The app on a folder of runs."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "arcbench", "app", "--port", "7960", "--runs", str(runs)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if found := re.search(r"http://[\d.]+:\d+", line):
                took = time.perf_counter() - begun
                yield App(process=process, url=found[0], start_s=took)
                break
        else:
            raise UserError("the app did not start: run `arcbench app` to see why")
    finally:
        process.terminate()
        process.wait()


@dataclass(kw_only=True, slots=True)
class Times:
    """What was measured, by name: pairs of seconds and of the app's processor seconds."""

    app: App
    found: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    def take(self, name: str, act: Callable[[], float]) -> None:
        """Measure one thing; `act` returns the seconds that it took."""
        cpu = self.app.cpu_s()
        took = act()
        self.found.setdefault(name, []).append((took, self.app.cpu_s() - cpu))

    def lines(self) -> list[str]:
        """A line for each name: median and slowest, and what was asked for."""
        told = [f"{'':28}{'median':>9}{'slowest':>9}{'app CPU':>9}{'limit':>8}   ms"]
        for name, values in self.found.items():
            walls, cpus = zip(*values, strict=True)
            limit = LIMITS[name.partition(":")[0]]
            told.append(
                f"{name:28}{1000 * median(walls):9.0f}{1000 * max(walls):9.0f}"
                f"{1000 * median(cpus):9.0f}{1000 * limit:8.0f}"
            )
        return told


def drive(page: Any, times: Times, turns: int) -> None:
    """Open the page, walk through the tabs, and open rollouts."""
    for _ in range(turns):
        times.take("first view", lambda: _open(page, times.app.url))
    # The first look at a tab fills it; later ones only show it.
    for turn in range(turns + 1):
        for name in TABS:
            label = f"tab: {name}" + ("" if turn else ", first time")
            times.take(label, lambda n=name: _show(page, n))  # type: ignore[misc]
        page.wait_for_timeout(CHECKED_MS)
    _show(page, "Runs")
    page.get_by_role("tab", name="Rollouts", exact=True).click()
    page.wait_for_selector("#ab-rollouts button[data-place]")
    places = page.locator("#ab-rollouts button[data-place]").evaluate_all(
        "all => all.map(button => button.dataset.place)"
    )
    for place in places[: 3 * turns]:
        times.take("rollout: by click", lambda p=place: _rollout(page, p))  # type: ignore[misc]
    for place in places[3 * turns : 6 * turns]:
        times.take("rollout: by key", lambda p=place: _rollout(page, p, "j"))  # type: ignore[misc]


def _open(page: Any, url: str) -> float:
    begun = time.perf_counter()
    page.goto(url, wait_until="commit")
    page.wait_for_selector(".ab-thumb")
    took = time.perf_counter() - begun
    page.wait_for_timeout(3 * SETTLED_MS)
    return took


def _show(page: Any, name: str) -> float:
    return _timed(page, f'#ab-tabs button[data-tab-id="{name.lower()}"]', TABS[name])


def _rollout(page: Any, place: str, key: str = "") -> float:
    step, group, index = map(int, place.split("."))
    name = f"completion step {step}, group {group + 1}, #{index + 1}"
    button = f'#ab-rollouts button[data-place="{place}"]'
    return _timed(page, button, f'article[aria-label="{name}"]', key)


def _timed(page: Any, clicked: str, awaited: str, key: str = "") -> float:
    took: float = page.evaluate(TIMED_JS, [clicked, key, awaited])
    page.wait_for_timeout(SETTLED_MS)
    return took / 1000


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--rollouts", type=int, default=10_000, help="of each run")
    parser.add_argument("--turns", type=int, default=3, help="how often each thing is measured")
    chosen = parser.parse_args(argv)
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError as error:
        raise MissingExtra("the bench of the app", "dev") from error
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        raise UserError(f"none of {', '.join(BROWSERS)} is installed: make browser")
    with tempfile.TemporaryDirectory(prefix="arcbench-bench-") as folder:
        runs = Path(folder) / "runs"
        make_runs(runs, chosen.runs, chosen.rollouts)
        _say(f"{chosen.runs} runs of {chosen.rollouts:,} rollouts; load {os.getloadavg()[0]:.1f}")
        with running(runs) as app, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=list(ARGS))
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.set_default_timeout(60_000)
            times = Times(app=app)
            _say(f"started in {app.start_s:.1f} s")
            try:
                drive(page, times, chosen.turns)
            finally:  # whoever stops it, or is stopped by it, has what was measured
                _say("\n".join(times.lines()))
            browser.close()


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
