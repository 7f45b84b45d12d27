"""The processes behind a workbench: policies and sandboxes, each started when it is needed."""

import threading

from arcbench.judge import Judge
from arcbench.policies.sources import pinned
from arcbench.policies.worker import WorkerPolicy
from arcbench.rewards import RewardScheme
from arcbench.sandbox import SandboxPool


class Workers:
    """Policies in processes of their own and one pool of sandboxes; several threads may ask."""

    def __init__(self, sandboxes: int | None = None) -> None:  # None: one a core
        self._sandboxes = sandboxes
        self._lock = threading.Lock()
        self._policies: dict[str, WorkerPolicy] = {}
        self._pool: SandboxPool | None = None

    def policy(self, spec: str) -> WorkerPolicy:
        """The policy of that name; of a run, with its newest weights."""
        newest = pinned(spec)
        with self._lock:
            worker = self._policies.setdefault(spec, WorkerPolicy(newest))
        worker.use(newest)  # a run that goes on has newer weights than those loaded before
        return worker

    def judge(self, scheme: RewardScheme) -> Judge:
        """A judge that pays by this scheme."""
        with self._lock:
            if self._pool is None:
                self._pool = SandboxPool(workers=self._sandboxes)
            return Judge(pool=self._pool, scheme=scheme)

    def close(self) -> None:
        """End all of these processes; the next call starts new ones."""
        with self._lock:
            policies, self._policies = self._policies, {}
            pool, self._pool = self._pool, None
        for policy in policies.values():
            policy.close()
        if pool is not None:
            pool.close()
