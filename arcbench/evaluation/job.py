"""Evaluations as processes of their own, which outlive who started them."""

import sys
from collections.abc import Sequence
from pathlib import Path

from arcbench import jobs
from arcbench.evaluation.config import EvalConfig
from arcbench.evaluation.run import EVALS, default_name
from arcbench.evaluation.store import EvalStore
from arcbench.folders import free_name


def start_evaluation(
    config: EvalConfig,
    root: Path | str = EVALS,
    name: str | None = None,
    *,
    options: Sequence[str] = (),
) -> EvalStore:
    """Make the folder `root/name` and evaluate in a new process; goes on with one that is there.

    `options` are further words of `arcbench eval --resume` (--minutes, --workers …). Its
    status.json tells how far it is, `jobs.stop` ends it. UserError as `evaluate` raises it before
    anything is drawn.
    """
    config = config.resolved()
    root = Path(root)
    store = EvalStore.start(root, name or free_name(root, default_name(config)), config)
    resume_evaluation(store, options=options)
    return store


def resume_evaluation(store: EvalStore, *, options: Sequence[str] = ()) -> int:
    """Go on with an evaluation in a new process; returns its pid. UserError where it is running."""
    folder = str(store.path.resolve())
    return jobs.launch(
        store, [sys.executable, "-m", "arcbench", "eval", "--resume", folder, *options]
    )
