"""What is wrong with a run, and since when, by its metrics alone.

`Diagnoser` reads lines as they are written, `diagnose` all of them, `diagnose_run` a run folder.
"""

from arcbench.diagnostics.diagnoser import Diagnoser, diagnose, diagnose_run
from arcbench.diagnostics.finding import Finding, Kind, Severity, worst

__all__ = ["Diagnoser", "Finding", "Kind", "Severity", "diagnose", "diagnose_run", "worst"]
