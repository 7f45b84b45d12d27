"""Evaluations: many samples of many tasks, judged, counted and compared."""

from arcbench.evaluation.pass_at_k import PassAtK, TaskCount, evaluate_counts, pass_at_k
from arcbench.evaluation.record import Record, record

__all__ = ["PassAtK", "Record", "TaskCount", "evaluate_counts", "pass_at_k", "record"]
