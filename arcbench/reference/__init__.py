"""The reference of the libraries that programs import: docstrings and examples that were run."""

from arcbench.reference.build import entries, summaries
from arcbench.reference.values import Choices, Entry, Example, Group

__all__ = ["Choices", "Entry", "Example", "Group", "entries", "summaries"]
