"""Evaluations: many samples of many tasks, judged, counted and compared."""

from arcbench.evaluation.pass_at_k import PassAtK, TaskCount, evaluate_counts, pass_at_k
from arcbench.evaluation.record import Record, record
from arcbench.evaluation.results import Results, Tally, TaskResult, read_results

__all__ = [
    "PassAtK",
    "Record",
    "Results",
    "Tally",
    "TaskCount",
    "TaskResult",
    "evaluate_counts",
    "pass_at_k",
    "read_results",
    "record",
]
