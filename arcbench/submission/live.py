"""A submission file that is whole from its first moment and gets better while rollouts come."""

import threading
import time
from pathlib import Path

from arcbench.evaluation.record import record
from arcbench.rollouts import Rollout
from arcbench.submission.ballots import Ballots
from arcbench.submission.build import Attempts, Submission, attempts_of, write_submission
from arcbench.submission.challenges import Challenges

EVERY_S = 5.0  # a longer pause loses more to a kill, a shorter one writes the same bytes again
_PAUSE = 10  # times what a write took, so that little of the time goes to writing


class LiveSubmission:
    """Counts rollouts and keeps the file up to date; may be used from several threads.

    The first `known` rollouts, those of an earlier sitting, are counted without writing: the file
    that they led to may lie there. A write that the disk refuses leaves the last whole file; it is
    tried again, and `trouble` says why until one succeeds.
    """

    def __init__(
        self,
        path: Path,
        challenges: Challenges,
        *,
        views: int = 1,
        known: int = 0,
        every_s: float = EVERY_S,
    ) -> None:
        self.path = path
        self.challenges = challenges
        self.ballots = Ballots(views=views)
        self.every_s = every_s
        self.trouble = ""
        self.latest: Submission  # what the last write wrote, or tried to
        self._lock = threading.Lock()  # guards all below, the ballots and the file
        self._attempts: dict[str, tuple[Attempts, ...]] = {}
        self._changed = set(challenges.num_tests)  # tasks whose attempts are to be chosen anew
        self._known = known
        self._write_again = float("-inf")  # time.monotonic()
        self._unwritten = True

    def add(self, rollout: Rollout) -> None:
        """Count a rollout; write the file if the last time is long enough ago."""
        asked = rollout.task_id in self.challenges.num_tests
        counted = record(rollout)
        with self._lock:
            self._known -= 1
            if asked and self.ballots.add(counted):
                self._changed.add(rollout.task_id)
                self._unwritten = True
            if self._known < 0 and time.monotonic() >= self._write_again:
                self._write()

    def write(self, *, wait_s: float = -1) -> bool:
        """Write the file now if there is news; whether it is up to date.

        With `wait_s` False too where another thread is at it for longer than that.
        """
        if not self._lock.acquire(timeout=wait_s):
            return False
        try:
            self._write()
            return not self._unwritten
        finally:
            self._lock.release()

    def _write(self) -> None:
        if not self._unwritten:
            return
        began = time.monotonic()
        self.latest = self._build()
        try:
            write_submission(self.path, self.latest)
        except OSError as error:
            self.trouble = f"{self.path} cannot be written: {error.strerror}"
        else:
            self._unwritten = False
            self.trouble = ""
        ended = time.monotonic()
        self._write_again = ended + max(self.every_s, min(_PAUSE * (ended - began), 60.0))

    def _build(self) -> Submission:
        for task_id in self._changed:
            self._attempts[task_id] = attempts_of(self.challenges, self.ballots, task_id)
        self._changed.clear()
        return Submission(
            tasks={task_id: self._attempts[task_id] for task_id in self.challenges.num_tests}
        )
