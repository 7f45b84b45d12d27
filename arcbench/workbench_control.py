"""The part of the workbench that starts, watches and ends processes: runs, checks, servers."""

import threading
from pathlib import Path

from arcbench import jobs, turns
from arcbench.health import preflight, servers, sync_check
from arcbench.health.errand import Errand, wait
from arcbench.health.preflight import Preflight
from arcbench.health.servers import ServerState
from arcbench.health.sync_check import SyncReport
from arcbench.runs import RunStatus, RunStore, free_name
from arcbench.training import continuing
from arcbench.training.checks import memory_setup
from arcbench.training.config import TrainConfig
from arcbench.training.memory import GB, MemoryPlan, plan
from arcbench.training.memory_advice import model_shape
from arcbench.training.serving import ServerConfig

STEP_S = 6 * 3600.0  # no step of a run takes longer; who cannot wait kills it
HEALTH = ".health"  # within the folder of runs: checks and servers


class Control:
    """What a `Workbench` can do with processes; all of them outlive it.

    How each stands is read from its folder, so that several pages, notebooks and a restarted app
    see the same.
    """

    runs_root: Path
    _lock: threading.Lock

    def run(self, name: str) -> RunStore:
        """The run of that name."""
        raise NotImplementedError

    # Runs

    def start_training(self, config: TrainConfig, name: str | None = None) -> str:
        """Train in a process of its own, after all runs that were started so before it.

        Returns the run's name. UserError, before anything starts, for a taken name and for a task,
        template or policy that is not there.
        """
        tasks = config.data.tasks
        wanted = f"train-{tasks[0] if len(tasks) == 1 else config.data_name}"
        with self._lock:
            name = free_name(self.runs_root, wanted) if name is None else name
            return jobs.start(config, root=self.runs_root, name=name, in_turn=True).name

    def queue(self) -> list[str]:
        """The runs that have the GPU or wait for it, the first first."""
        return turns.line(self.runs_root / turns.FOLDER)

    def stop_after_step(self, run: str) -> RunStatus:
        """Ask a run to save and end after its step, and wait however long that takes."""
        return jobs.stop(self.run(run), grace_s=STEP_S)

    def kill(self, run: str) -> RunStatus:
        """End a run at once; what came after its newest checkpoint is made again by `resume`."""
        return jobs.kill(self.run(run))

    def resume(self, run: str, steps: int | None = None) -> None:
        """Go on with a run from its newest checkpoint, to `steps` in all; it waits for its turn."""
        jobs.resume(self.run(run), steps=steps, in_turn=True)

    def checkpoints(self, run: str) -> list[int]:
        """The steps of a run's whole checkpoints, in order."""
        return list(continuing.checkpoints(self.run(run)))

    def continue_from(
        self,
        run: str,
        step: int,
        *,
        steps: int | None = None,
        learning_rate: float | None = None,
    ) -> str:
        """Start a new run with the weights of a checkpoint; returns its name.

        What is left out is as in the old run. UserError where there is no such checkpoint.
        """
        config = continuing.continued(self.run(run), step, steps=steps, learning_rate=learning_rate)
        return self.start_training(config, free_name(self.runs_root, f"{run[:80]}-from-{step}"))

    # Before a run

    def preflight(
        self, config: TrainConfig, *, again: bool = False, wait_s: float = 180.0
    ) -> Preflight:
        """What is found before a run with these settings, in a process of its own.

        An answer is good for some minutes, unless it is asked `again`. With `wait_s` 0 the call
        returns at once, with what is known so far.
        """
        found = preflight.ask(self._health, config, self.runs_root.resolve(), again=again)
        errand = preflight.newest(self._health, config)
        if not wait_s or found.status.state.over or errand is None:
            return found
        wait(errand, wait_s)
        return preflight.read(errand)

    def known_preflight(self, config: TrainConfig) -> Preflight | None:
        """What was found already; starts nothing."""
        return preflight.look(self._health, config)

    def cancel_preflight(self, config: TrainConfig) -> None:
        """Ask the check of these settings to end, if it is on its way."""
        preflight.cancel(self._health, config)

    def memory_plan(self, config: TrainConfig, gpu_gb: float = 80.0) -> MemoryPlan:
        """Where the memory of a card of `gpu_gb` · 10⁹ bytes goes with these settings."""
        shape = model_shape(config.policy.model)
        setup = memory_setup(config, shape, config.lengths.max_prompt_tokens)
        return plan(setup, int(gpu_gb * GB))

    # Servers

    def launch_server(self, config: ServerConfig) -> str:
        """Start a server that writes completions; returns its name. It takes a free port."""
        return servers.start_server(self._health, config)

    def servers(self) -> list[ServerState]:
        """All servers that were started here, the newest first."""
        return servers.servers(self._health)

    def end_server(self, name: str) -> None:
        """End a server; wait until it has ended."""
        servers.stop_server(self._health, name)

    def server_log(self, name: str, lines: int = 20) -> str:
        """The end of what a server said."""
        return servers.server_log(self._health, name, lines)

    def launch_sync_check(
        self, url: str, *, policy: str = "embedded", rank: int = 16, checks: int = 5,
        device: str = "auto",
    ) -> str:  # fmt: skip
        """Start the check whether a server follows the weights; returns the check's name."""
        return sync_check.start(
            self._health, url, policy=policy, rank=rank, checks=checks, device=device
        )

    def sync_checks(self) -> list[SyncReport]:
        """All such checks, the newest first."""
        return sync_check.reports(self._health)

    def cancel_sync(self, name: str) -> None:
        """Stop a check that is on its way."""
        jobs.stop(Errand.open(self._health / name), grace_s=10)

    @property
    def _health(self) -> Path:
        return self.runs_root / HEALTH
