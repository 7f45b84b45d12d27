"""Evaluations: many samples of many tasks, judged, counted and compared."""

from arcbench.evaluation.config import EvalConfig
from arcbench.evaluation.pass_at_k import PassAtK, TaskCount, evaluate_counts, pass_at_k
from arcbench.evaluation.record import Record, record
from arcbench.evaluation.results import Results, Tally, TaskResult, read_results
from arcbench.evaluation.run import evaluate
from arcbench.evaluation.store import EvalStore, evaluations

__all__ = [
    "EvalConfig",
    "EvalStore",
    "PassAtK",
    "Record",
    "Results",
    "Tally",
    "TaskCount",
    "TaskResult",
    "evaluate",
    "evaluate_counts",
    "evaluations",
    "pass_at_k",
    "read_results",
    "record",
]
