"""Work that goes on as a process of its own, shown while it does, with a button that stops it."""

import asyncio
import threading
import time
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from arcbench import jobs
from arcbench.errors import UserError
from arcbench.evaluation import Results
from arcbench.evaluation.store import EvalStatus
from arcbench.notebook.sheet import wrapped
from arcbench.notebook.widgets import Interactive
from arcbench.runs import RunStatus

if TYPE_CHECKING:
    from arcbench.training.sweep_results import SweepResults
    from arcbench.workbench import Workbench

TICK_S = 1.0
LOOK_S = 0.2
LONG_S = 24 * 3600.0

R = TypeVar("R")


class Live(Interactive, Generic[R]):
    """What they share: a thread keeps the view up to date until the work is over."""

    KIND: str  # what the button stops

    def __init__(self, bench: "Workbench") -> None:
        super().__init__()
        self._bench = bench

    @abstractmethod
    def over(self) -> bool:
        """Whether nothing more will come."""

    @abstractmethod
    def stop(self) -> None:
        """Ask the work to save and end; wait until it has."""

    @abstractmethod
    def stamp(self) -> object:
        """Something that differs whenever the view does, and is quicker to get."""

    def build(self, widgets: Any) -> Any:
        """The view and the button."""
        page = widgets.HTML(wrapped(self.content()))
        label = f"Stop {self.KIND}"
        button = widgets.Button(description=label, icon="stop", disabled=self.over())

        def stop(_: Any) -> None:
            button.disabled = True
            button.description = "stopping …"
            # It waits for the step to end; the notebook shall not.
            threading.Thread(target=self.stop, daemon=True).start()

        def follow() -> None:
            over, seen = False, None
            while not over:
                over = self.over()  # before the content, which then has all
                stamp = self.stamp()
                if stamp != seen:
                    page.value, seen = wrapped(self.content()), stamp
                if not over:
                    time.sleep(TICK_S)
            button.description, button.disabled = label, True

        button.on_click(stop)
        threading.Thread(target=follow, daemon=True).start()
        return widgets.VBox([button, page])

    @abstractmethod
    def result(self) -> R:
        """What came of it, so far."""

    def wait(self, timeout_s: float = LONG_S) -> R:
        """Wait until it is over (or so long), then put all of it where it is shown."""
        end = time.monotonic() + timeout_s
        while not self.over() and time.monotonic() < end:
            time.sleep(LOOK_S)
        self.refresh()
        return self.result()

    async def ended(self, timeout_s: float = LONG_S) -> R:
        """`wait` for notebooks: a cell that awaits it leaves the button to be pressed meanwhile."""
        end = time.monotonic() + timeout_s
        while not self.over() and time.monotonic() < end:
            await asyncio.sleep(LOOK_S)
        self.refresh()
        return self.result()


class LiveRun(Live[RunStatus]):
    """The curve of a training run."""

    KIND = "run"

    def __init__(self, bench: "Workbench", run: str) -> None:
        super().__init__(bench)
        self.run = run
        bench.run(run)

    def __repr__(self) -> str:
        status = self.status()
        return f"run {self.run}: {status.state.value}, step {status.step} of {status.total_steps}"

    def status(self) -> RunStatus:
        """Where the run stands now."""
        return self._bench.run(self.run).status()

    def over(self) -> bool:
        """Whether the run is over."""
        return self.status().state.over

    def stop(self) -> None:
        """Ask the run to save and end after its step."""
        self._bench.stop(self.run)

    def stamp(self) -> RunStatus:
        """Its status, which is written at every step."""
        return self.status()

    def content(self) -> str:
        """State, curve and, at the end, the figures before and after."""
        # The tab of the app has the same pieces.
        from arcbench.ui import train

        view = train.look(self._bench, self.run)
        return train.status_line(view) + train.curve(view) + train.outcome(view)

    def result(self) -> RunStatus:
        """Where the run stands now."""
        return self.status()


class LiveSweep(Live["SweepResults"]):
    """The chart of a sweep, with what came of each value so far."""

    KIND = "sweep"

    def __init__(self, bench: "Workbench", sweep: str) -> None:
        super().__init__(bench)
        self.sweep = sweep
        bench.sweep(sweep)

    def __repr__(self) -> str:
        counts = self._bench.sweep(self.sweep).counts
        return f"sweep {self.sweep}: {', '.join(f'{n} {state}' for state, n in counts.items())}"

    def over(self) -> bool:
        """Whether all of its runs are over, and so is the process that starts them."""
        return not self._bench.sweep_goes_on(self.sweep)

    def stop(self) -> None:
        """Ask its runs to save and end, and start no other."""
        self._bench.stop_sweep(self.sweep)

    def stamp(self) -> dict[str, RunStatus]:
        """Where each of its runs stands."""
        return self._bench.sweep_states(self.sweep)

    def content(self) -> str:
        """How many runs are in which state, and the chart."""
        from arcbench.plots import figure_svg
        from arcbench.plots_sweep import sweep_chart

        chart = figure_svg(sweep_chart(self._bench.sweep(self.sweep)), f"sweep {self.sweep}")
        return f'<p class="ab-dim">{self!r}</p>{chart}'

    def result(self) -> "SweepResults":
        """What became of each value."""
        return self._bench.sweep(self.sweep)


class LiveEvaluation(Live[Results]):
    """An evaluation: how far it is, and its figures once it is done."""

    KIND = "evaluation"

    def __init__(self, bench: "Workbench", name: str) -> None:
        super().__init__(bench)
        self.name = name
        bench.evaluation(name)

    def __repr__(self) -> str:
        status = self.status()
        of = f" of {status.total:,}" if status.total else ""
        return f"evaluation {self.name}: {status.state.value}, {status.done:,}{of} samples judged"

    def status(self) -> EvalStatus:
        """Where the evaluation stands now."""
        return self._bench.evaluation(self.name).status()

    def over(self) -> bool:
        """Whether the evaluation is over."""
        return self.status().state.over

    def stop(self) -> None:
        """Ask the evaluation to end; what is judged stays."""
        jobs.stop(self._bench.evaluation(self.name))

    def stamp(self) -> EvalStatus:
        """Its status, which is written every few seconds."""
        return self.status()

    def content(self) -> str:
        """How far it is, and the figures."""
        from arcbench.ui.evaluate import figures

        done = "" if self.over() else f'<p class="ab-dim">{self!r}</p>'
        return done + figures(self._bench, self.name)

    def result(self) -> Results:
        """The figures. UserError, with the reason, where it ended without them."""
        results = self._bench.results(self.name)
        if results is None:
            status = self.status()
            said = status.reason or status.state.value
            raise UserError(f"evaluation {self.name} has no figures: {said}")
        return results


def live_run(bench: "Workbench", run: str) -> LiveRun:
    """A run's curve that grows while it goes on, with a button that stops it."""
    return LiveRun(bench, run)


def live_sweep(bench: "Workbench", sweep: str) -> LiveSweep:
    """A sweep's chart that grows while it goes on, with a button that stops it."""
    return LiveSweep(bench, sweep)


def live_evaluation(bench: "Workbench", name: str) -> LiveEvaluation:
    """How far an evaluation is, then its figures, with a button that stops it."""
    return LiveEvaluation(bench, name)
