"""Reading a run: one page that says what it was, what it learned, and what was found in it."""

from arcbench.report.content import Report, gather
from arcbench.report.page import page, pieces
from arcbench.report.picture import picture

__all__ = ["Report", "gather", "page", "picture", "pieces"]
