"""Evaluates: samples go to disk the moment they come, and are judged while others are drawn."""

import re
import shutil
import time
import traceback
from pathlib import Path

from arcbench.console import RunLog
from arcbench.errors import UserError
from arcbench.evaluation.config import EvalConfig
from arcbench.evaluation.progress import Wish
from arcbench.evaluation.results import Results
from arcbench.evaluation.store import EvalStore
from arcbench.evaluation.work import EXTRA_JUDGING_S, Evaluation, OnRollout
from arcbench.files import Reserve, disk_is_full
from arcbench.folders import RunState, free_name
from arcbench.judge import Judge
from arcbench.policies.base import Policy

EVALS = Path("evals")

SHARD = 1000  # judged samples in a file of rollouts
RESULTS_S = 5.0  # of a budget, for figures and charts


def evaluate(
    config: EvalConfig,
    store: EvalStore | None = None,
    *,
    root: Path | str = EVALS,
    name: str | None = None,
    judge: Judge | None = None,
    policy: Policy | None = None,
    on_rollout: OnRollout = lambda _: None,
    deadline: float | None = None,
    log: RunLog | None = None,
    shard: int = SHARD,
) -> Results:
    """Draw `config.n` samples of every task, judge them, and write the figures into the folder.

    Goes on where the folder's samples end: nothing is drawn or judged twice, and the figures are
    those of an undisturbed evaluation. Without a `store` it is `root/name`, which is made if it is
    not there; without a name it is called after the policy and the data set. `judge` and `policy`
    are built from the settings if they are not given. `on_rollout` hears of every judged sample,
    of those that were there before first. At `deadline` (time.monotonic()) it ends with whole
    figures of what there is, as it does on Ctrl-C, SIGTERM or the folder's `stop` file: the status
    is "stopped" then, and another call goes on.

    Raises UserError, before anything is drawn, for settings, a policy or tasks that are not there,
    and if the folder is another evaluation's or another process is at it. Any later error ends it
    as "failed" and is raised; it may be resumed.
    """
    config = config.resolved()
    if store is None:
        root = Path(root)
        store = EvalStore.start(root, name or free_name(root, default_name(config)), config)
    elif difference := store.config().first_difference(config):
        raise UserError(f"evaluation {store.name} has other settings: {difference}")
    owned = log is None
    log = RunLog(store.log) if log is None else log
    wish = Wish(store=store)
    if deadline is not None:
        left = max(0.0, deadline - time.monotonic())
        ending = min(RESULTS_S, 0.2 * left)
        judging = min(config.timeout_s + EXTRA_JUDGING_S, 0.3 * left)
        wish.judge_until, wish.sample_until = deadline - ending, deadline - ending - judging
    reserve = Reserve(path=store.path / ".reserve")
    with store.alone():
        store.stop_file.unlink(missing_ok=True)
        try:
            with wish.listening():
                reserve.take()
                store.set_status(RunState.RUNNING, phase="loading", eta_s=None)
                work = Evaluation.begin(
                    store, config, log=log, wish=wish, on_rollout=on_rollout, shard=shard
                )
                return work.finish(judge, policy)
        except BaseException as error:
            reserve.give_back()
            told = _explained(error, store)
            reason = str(told) or type(error).__name__
            stopped = isinstance(error, KeyboardInterrupt)
            state = RunState.STOPPED if stopped else RunState.FAILED
            log.write_file("" if isinstance(told, UserError) else traceback.format_exc())
            log.write_file(f"{state.value}: {reason}\n")
            store.set_status(state, phase="", reason=reason, eta_s=None)
            if told is not error:
                raise told from error
            raise
        finally:
            reserve.give_back()
            store.stop_file.unlink(missing_ok=True)
            if owned:
                log.close()


def default_name(config: EvalConfig) -> str:
    """What an evaluation is called if nobody says: after its policy and its data set."""
    policy = Path(config.adapter or config.policy)
    name = policy.name
    if policy.parent.name == "checkpoints":
        name = f"{policy.parent.parent.name}-{name.removeprefix('checkpoint-')}"
    wanted = f"{name}-{Path(config.dataset).stem}-{config.split or ''}"
    return re.sub(r"[^A-Za-z0-9._-]+", "-", wanted).strip("-._")[:90] or "evaluation"


def _explained(error: BaseException, store: EvalStore) -> BaseException:
    """The error, or what it means where the disk is full."""
    if isinstance(error, UserError) or not disk_is_full(error, store.path):
        return error
    free = shutil.disk_usage(store.path).free / 1e6
    return UserError(
        f"the disk is full: {error}; {free:,.1f} MB are free in {store.path}. Nothing that was "
        f"drawn is lost: make room and go on with: arcbench eval --resume {store.path}"
    )
