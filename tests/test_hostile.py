"""The catalogue of hostile and odd programs, run once; one test looks at each of them."""

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from arcbench.sandbox import Execution, Outcome, failed
from tests.hostile import catalogue
from tests.hostile.catalogue import (
    FOLDERS,
    INPUTS,
    SLACK_S,
    Case,
    Record,
    Report,
    load_cases,
    missing,
    mistakes,
    run_catalogue,
)
from tests.hostile.ordinary_user import NOBODY, run_as

CASES = load_cases()


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One run of the catalogue, and the folder for temporary files that it had to itself."""

    report: Report
    temporary: Path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    temporary = tmp_path_factory.mktemp("temporary")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(temporary))
        yield Run(report=run_catalogue(list(CASES.values())), temporary=temporary)


def _parameter(case: Case) -> object:
    marks = [pytest.mark.xfail(strict=True, reason=case.xfail)] if case.xfail else []
    return pytest.param(case, id=case.name, marks=marks)


@pytest.mark.parametrize("case", [_parameter(case) for case in CASES.values()])
def test_a_program_comes_to_what_its_header_says_and_harms_no_neighbour(
    run: Run, case: Case
) -> None:
    if why := missing(case, run.report.features):
        pytest.skip(why)
    assert mistakes(case, run.report.records[case.name]) == []


def test_no_process_descriptor_or_file_is_left(run: Run) -> None:
    assert run.report.workers_seen >= 2  # they can be told from other processes
    assert run.report.left == ()
    assert list(run.temporary.iterdir()) == []


def test_a_batch_costs_no_more_than_the_time_of_its_programs(run: Run) -> None:
    seconds = sum(record.execution.seconds for record in run.report.records.values())
    honest = 0.02 * len(CASES)
    assert run.report.elapsed_s < seconds + honest + 4 * SLACK_S


def test_the_catalogue_is_broad() -> None:
    assert len(CASES) >= 250
    for folder in FOLDERS:
        assert sum(name.startswith(f"{folder}/") for name in CASES) >= 40
    assert {outcome for case in CASES.values() for outcome in case.expect} == set(Outcome) - {
        Outcome.NO_CODE  # a completion without a program never gets here
    }


def test_what_goes_otherwise_is_told() -> None:
    case = CASES["honest/identity"]
    fine = Execution(outcome=Outcome.OK, outputs=INPUTS, seconds=0.1)
    assert mistakes(case, Record(execution=fine, harmed=())) == []
    assert mistakes(case, Record(execution=fine, harmed=("a wrong answer",)))
    assert mistakes(case, Record(execution=replace(fine, outputs=INPUTS[::-1]), harmed=()))
    assert mistakes(case, Record(execution=replace(fine, seconds=99.0), harmed=()))
    late = failed(Outcome.TIMEOUT, 2, "not done within 1 seconds", seconds=5.0)
    assert mistakes(case, Record(execution=late, harmed=()))
    case = CASES["stalling/endless_loop"]
    assert mistakes(case, Record(execution=late, harmed=()))
    late = replace(late, seconds=catalogue.DEADLINE_S + 0.1)
    assert mistakes(case, Record(execution=late, harmed=())) == []
    assert mistakes(case, Record(execution=replace(late, message="tired"), harmed=()))
    assert mistakes(case, Record(execution=replace(late, seconds=0.0), harmed=()))


def test_a_neighbour_without_its_right_answer_counts_as_harmed() -> None:
    rng = np.random.default_rng(0)
    _, answers = catalogue._neighbour(rng)
    right = Execution(outcome=Outcome.OK, outputs=answers)
    assert catalogue._wrong(right, answers) == ""
    assert catalogue._wrong(replace(right, outputs=answers[::-1]), answers)
    assert "died" in catalogue._wrong(failed(Outcome.DIED, 2), answers)


def test_a_header_that_says_too_little_or_something_unknown_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    for text in (
        "def transform(grid): return grid\n",
        "# expect: OK\n",
        "# Returns nothing.\n",
        "# Returns nothing.\n# expect: OK\n# surely: not\n",
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match="program"):
            catalogue._case(path)
    path.write_text("# Returns nothing.\n# expect: FINE\n")
    with pytest.raises(KeyError, match="FINE"):
        catalogue._case(path)


def test_what_needs_more_isolation_than_there_is_is_not_run() -> None:
    case = CASES["stalling/fork_bomb"]
    assert case.needs == "isolation"
    assert missing(case, {"system calls filtered (seccomp)": False})
    assert missing(case, {"processes hidden (pid namespace)": False}) == ""
    elsewhere = replace(case, needs="a machine of another kind")
    assert run_catalogue([elsewhere]).records == {}


@pytest.mark.slow
def test_the_catalogue_holds_for_an_ordinary_user_too() -> None:
    if os.getuid() != 0:
        pytest.skip(f"all tests run as the ordinary user {os.getuid()} here")
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="arcbench-user-") as folder:
        done = run_as(NOBODY, Path(folder))
    assert done.stdout.startswith(f"as user {NOBODY} of group {NOBODY}\n"), done.stderr
    wrong = [line for line in done.stdout.splitlines() if line.startswith(("WRONG", "LEFT"))]
    assert done.returncode == 0, "\n".join((*wrong, done.stderr))
    assert f"{len(CASES)} programs, 0 wrong" in done.stdout
