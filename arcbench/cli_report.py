"""The command that tells what is wrong with a run, in plain words."""

import sys
from pathlib import Path

import tyro
from rich.console import Console
from rich.text import Text

from arcbench.diagnostics import Finding, Severity, diagnose_run, worst
from arcbench.runs import RunStore

OUT = Console(soft_wrap=True, highlight=False)

STYLES = {Severity.INFO: "dim", Severity.WARNING: "yellow", Severity.CRITICAL: "bold red"}


def findings(run: tyro.conf.Positional[Path], /) -> None:
    """Tell what went wrong in a run, since when, why it may be, and what to try.

    Reads the metrics of the run's folder, of any age, also while the run goes on. Exit code 0 where
    nothing is wrong, 1 for warnings, 2 where the policy is being lost or cannot learn.

    Args:
        run: the folder of the run.
    """
    store = RunStore.open(run)
    found = diagnose_run(store)
    steps = len(store.metrics())
    if not found:
        OUT.print(f"{store.name}: nothing found in {steps} steps", markup=False)
    for finding in found:
        print_finding(finding)
    code = worst(found)
    if code:
        sys.exit(int(code))


def print_finding(finding: Finding) -> None:
    """A finding with its evidence, causes, remedies and source."""
    head = Text(f"{finding.severity.word}: {finding.kind.value}", style=STYLES[finding.severity])
    head.append(f", from step {finding.first_step} (found at step {finding.found_step})", style="")
    if finding.over_step is not None:
        head.append(f", over at step {finding.over_step}")
    OUT.print(head)
    OUT.print(f"  {finding.evidence} [{finding.signal}]", markup=False)
    for title, lines in (("may be", finding.causes), ("try", finding.advice)):
        for i, line in enumerate(lines):
            OUT.print(f"  {title if not i else '':>6}  {line}", markup=False)
    OUT.print(Text(f"  {'from':>6}  {finding.source}\n", style="dim"))
