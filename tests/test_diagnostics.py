"""What is found in the metrics of a run: each kind by figures that have it, and none by chance."""

import json
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arcbench import series
from arcbench.diagnostics import Diagnoser, Finding, Kind, Severity, diagnose, diagnose_run, worst
from arcbench.diagnostics.finding import Kind as AllKinds
from arcbench.errors import UserError
from arcbench.runs import Metrics, RunStore
from tests.steady_runs import steady_run

CONFIG = {
    "grpo": {"num_generations": 8, "prompts_per_step": 2, "learning_rate": 1e-4},
    "reward": {"no_code": -1.0, "ran": 1.0, "exact": 8.0},
    "lengths": {"max_completion_tokens": 96},
}
NEUTRAL = {Kind.FLAT}  # a run whose policy stands still is flat


def steady(seed: int = 0, steps: int = 60) -> list[Metrics]:
    rng = np.random.default_rng(seed)
    return list(steady_run(rng, steps=steps, group=8, prompts=2, tasks=8))


def changed(lines: list[Metrics], after: int, **course) -> list[Metrics]:
    """The lines with signals that go linearly to another value within ten steps after a step."""
    out = []
    for i, line in enumerate(lines):
        share = min(1.0, max(0.0, (i - after) / 10))
        new = {
            name: (1 - share) * (line.get(name) or 0.0) + share * to for name, to in course.items()
        }
        out.append({**line, **(new if share else {})})
    return out


def found(lines: list[Metrics], config=CONFIG) -> dict[Kind, Finding]:
    return {f.kind: f for f in diagnose(lines, config)}


COLLAPSES = {
    Kind.GIBBERISH: {series.NO_PROGRAM: 0.8},
    Kind.LENGTH: {series.LENGTH_TRUNCATED: 0.8},
    Kind.REPETITION: {series.LOOP: 0.9, series.REWARD_MEAN: 0.5},
    Kind.FAILING: {series.FAILED: 0.95},
    Kind.FALLING: {series.REWARD_MEAN: -0.9},
    Kind.UNSTABLE: {series.GRAD_NORM: 80.0},
    Kind.OFF_POLICY: {series.RATIO_ESS: 0.1},
    Kind.OUT_OF_SYNC: {series.SAMPLED_GAP: 0.7},
    Kind.HACKED: {
        series.SOLVE_RATE: 0.0, series.REWARD_MEAN: 8.0, series.REWARD_PART.format("exact"): 0.0
    },
    Kind.SATURATED: {
        series.SOLVE_RATE: 1.0, series.GROUP_NO_SIGNAL: 1.0, series.GROUP_ALL_SOLVED: 1.0,
        series.REWARD_MEAN: 9.0,
    },
    Kind.ENTROPY: {
        series.ENTROPY: 0.001, series.GROUP_NO_SIGNAL: 1.0, series.SOLVE_RATE: 0.1,
        series.GROUP_ALL_SOLVED: 0.1,
    },
    Kind.NO_SIGNAL: {series.GROUP_NO_SIGNAL: 1.0, series.SOLVE_RATE: 0.0},
}  # fmt: skip


@pytest.mark.parametrize("kind", COLLAPSES)
def test_what_goes_wrong_is_found_soon_after_it_begins_with_its_evidence(kind):
    start = changed(steady(1, 90), 0, **{series.RATIO_ESS: 1.0, series.SAMPLED_GAP: 0.001})
    lines = changed(start, 40, **COLLAPSES[kind])
    assert kind not in found(lines[:40])
    finding = found(lines)[kind]
    assert 40 < finding.found_step <= 80
    assert finding.first_step <= finding.found_step
    assert finding.evidence
    assert finding.causes
    assert finding.advice
    assert finding.source
    assert finding.holds


def test_completions_that_are_cut_from_the_start_are_found_within_ten_steps():
    lines = [
        {**line, series.LENGTH_TRUNCATED: 0.95, series.NO_PROGRAM: 0.95, series.REWARD_MEAN: -0.9}
        for line in steady(2, 12)
    ]
    finding = found(lines)[Kind.TRUNCATED]
    assert finding.severity is Severity.CRITICAL
    assert finding.found_step <= 10
    assert "limit of 96 tokens" in finding.evidence


def test_a_flat_reward_has_the_causes_that_its_figures_show_first():
    lines = [
        {**line, series.GROUP_NO_SIGNAL: 1.0, series.SOLVE_RATE: 0.0, series.REWARD_MEAN: 1.0}
        for line in steady(3, 80)
    ]
    finding = found(lines)[Kind.FLAT]
    assert finding.severity is Severity.WARNING
    assert "equal rewards" in finding.causes[0]
    stale = [{**line, series.SAMPLED_GAP: 0.4} for line in steady(3, 80)]
    assert "does not get the trainer's weights" in found(stale)[Kind.FLAT].causes[0]
    slow = {**CONFIG, "grpo": {**CONFIG["grpo"], "learning_rate": 1e-8}}
    assert "learning rate of 1e-08" in found(steady(4, 80), slow)[Kind.FLAT].causes[0]


def test_a_reward_that_rose_within_the_beginning_is_not_flat():
    """Was wrong once: a run that was hacked within 20 steps, and stood still from there on."""
    lines = changed(steady(13, 90), 2, **{series.REWARD_MEAN: 8.9})
    assert Kind.FLAT not in found(lines)


def test_a_loss_that_is_no_number_is_found():
    lines = steady(5, 30)
    lines[-1] = {**lines[-1], series.LOSS: None}
    lines.append({**lines[-1], "step": 31})
    assert found(lines)[Kind.UNSTABLE].severity is Severity.CRITICAL


def test_a_reward_that_falls_lower_than_ever_and_comes_back_is_unstable():
    lines = [{**line, series.REWARD_MEAN: 4.0 + 0.5 * (i % 3)} for i, line in enumerate(steady(16))]
    swinging = [
        {**line, series.REWARD_MEAN: 0.5 if i > 40 and i % 3 == 0 else line[series.REWARD_MEAN]}
        for i, line in enumerate(lines)
    ]
    assert Kind.UNSTABLE not in found(lines)
    assert found(swinging)[Kind.UNSTABLE].signal == series.REWARD_MEAN


def test_gradients_after_steps_without_a_signal_are_not_unstable():
    silent = [{**line, series.GRAD_NORM: 0.0} for line in steady(14, 40)]
    for i in (3, 9, 15, 21):
        silent[i][series.GRAD_NORM] = 1.0
    lines = [*silent, *({**line, series.GRAD_NORM: 3.0} for line in steady(15, 30))]
    lines = [{**line, "step": i + 1} for i, line in enumerate(lines)]
    assert Kind.UNSTABLE not in found(lines)


def test_memory_that_only_grows_is_found_and_told_for_how_long_it_lasts():
    lines = [
        {**line, series.RSS_GB: 3 + 0.05 * i, series.AVAILABLE_GB: 20 - 0.05 * i}
        for i, line in enumerate(steady(6, 120))
    ]
    finding = found(lines)[Kind.MEMORY]
    assert "50 MB more with each step" in finding.evidence
    flat = [{**line, series.RSS_GB: 3 + 0.2 * (i % 7)} for i, line in enumerate(steady(6, 120))]
    assert Kind.MEMORY not in found(flat)


def test_a_policy_that_learns_to_write_more_is_no_alarm():
    """Growing, surer, repeating itself more: all of it with a reward that rises."""
    lines = changed(
        steady(7, 120), 30,
        **{
            series.LENGTH_MEAN: 120.0, series.LOOP: 0.6, series.ENTROPY: 0.01,
            series.REWARD_MEAN: 8.5, series.SOLVE_RATE: 0.95, series.GROUP_ALL_SOLVED: 0.8,
            series.GROUP_NO_SIGNAL: 0.8,
        },
    )  # fmt: skip
    assert {k for k, f in found(lines).items() if f.severity >= Severity.WARNING} == set()


def test_what_the_same_tasks_earn_less_of_is_found_before_the_reward_shows_it():
    """Tasks of such different rewards that a run without this figure is not accused at all."""
    rng = np.random.default_rng(17)
    hard = [{**line, series.REWARD_MEAN: float(rng.choice([0, 4, 9]))} for line in steady(17)]
    lines = [
        {**line, series.REWARD_GAIN: float(rng.normal(0 if i < 40 else -3, 0.5))}
        for i, line in enumerate(hard)
    ]
    assert Kind.FALLING not in found(lines[:40])
    finding = found(lines)[Kind.FALLING]
    assert (finding.signal, finding.found_step <= 45) == (series.REWARD_GAIN, True)
    assert "less than when they came first" in finding.evidence
    unknown = [{k: v for k, v in line.items() if k != series.REWARD_GAIN} for line in lines]
    assert Kind.FALLING not in found(unknown)


@pytest.mark.parametrize("gain", [True, False])
def test_programs_that_solved_and_are_forgotten_are_found_in_three_steps(gain):
    """Destroyed by its first updates: there is no beginning to hold anything against."""
    ruined = [
        {
            "step": step, series.REWARD_MEAN: 4.0 if step < 3 else 0.8, series.SOLVE_RATE: 0.3,
            **({series.REWARD_GAIN: 0.0 if step < 3 else -3.0} if gain else {}),
            **({series.RECALL: 1.0 if step < 3 else 0.01} if step > 1 else {}),
        }
        for step in range(1, 9)
    ]  # fmt: skip
    finding = found(ruined)[Kind.FALLING]
    assert (finding.found_step, finding.first_step) == (5, 3)
    assert finding.severity is Severity.CRITICAL
    assert "1% is left of the probability" in finding.evidence
    better = [{**line, series.REWARD_MEAN: 8.0, series.REWARD_GAIN: 2.0} for line in ruined]
    assert found(better) == {}  # another program is in their place


def test_what_a_collapse_is_measured_against_does_not_become_the_collapse():
    """Ruined in the fifth step of two hundred: it is still so at the end."""
    lines = changed(steady(9, 200), -6, **COLLAPSES[Kind.GIBBERISH])
    healthy = steady(9, 4)
    finding = found([*healthy, *lines[4:]])[Kind.GIBBERISH]
    assert finding.found_step <= 7
    assert finding.holds


def test_what_is_over_is_told_so_and_may_come_again():
    bad = changed(steady(9, 40), -10, **COLLAPSES[Kind.GIBBERISH])
    lines = [*steady(9, 40), *bad[:20], *steady(10, 60), *bad[:20]]
    lines = [{**line, "step": i + 1} for i, line in enumerate(lines)]
    twice = [f for f in diagnose(lines, CONFIG) if f.kind is Kind.GIBBERISH]
    assert [f.holds for f in twice] == [False, True]
    assert 60 < twice[0].over_step < 121 < twice[1].found_step


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), cuts=st.lists(st.integers(0, 70), max_size=3))
def test_how_lines_are_handed_over_changes_nothing(seed, cuts):
    rng = np.random.default_rng(seed)
    kind = list(COLLAPSES)[seed % len(COLLAPSES)]
    lines = changed(steady(seed, 70), int(rng.integers(5, 50)), **COLLAPSES[kind])
    diagnoser, told, done = Diagnoser(CONFIG), [], 0
    for cut in [*sorted(cuts), 70]:
        for line in lines[done:cut]:
            # As it is read back from the file.
            told += diagnoser.update(json.loads(json.dumps(line)))
        assert diagnoser.findings == diagnose(lines[:cut], CONFIG)
        done = max(done, cut)
    assert {f.kind for f in told} == {f.kind for f in diagnoser.findings}


@settings(max_examples=30, deadline=None)
@given(
    lines=st.lists(
        st.dictionaries(
            st.sampled_from(
                [series.REWARD_MEAN, series.SOLVE_RATE, series.ENTROPY, series.GRAD_NORM,
                 series.LENGTH_TRUNCATED, series.NO_PROGRAM, series.GROUP_NO_SIGNAL, series.LOSS,
                 series.RSS_GB, series.RATIO_ESS, series.SAMPLED_GAP, "something/else"]
            ),
            st.one_of(st.none(), st.floats(-1e6, 1e6), st.just(0.0)),
        ),
        max_size=40,
    )
)  # fmt: skip
def test_no_line_whatsoever_is_an_error(lines):
    diagnose([{"step": i + 1, **line} for i, line in enumerate(lines)])


def test_the_memory_of_a_diagnoser_does_not_grow_with_the_run():
    import pickle

    sizes = []
    diagnoser = Diagnoser(CONFIG)
    for line in _endless(400):
        diagnoser.update(line)
        if line["step"] in (200, 400):
            tracks = diagnoser.signals._tracks
            sizes.append(len(pickle.dumps(tracks)))
    assert sizes[1] < 1.1 * sizes[0]


def _endless(steps: int) -> Iterator[Metrics]:
    yield from steady(11, steps)


@pytest.mark.slow
def test_runs_whose_policy_stands_still_are_hardly_ever_accused():
    """Tasks that differ much, small groups: 12 runs of 300 steps; 1 in 12 is what was measured."""
    accused = []
    for seed in range(12):
        rng = np.random.default_rng(100 + seed)
        lines = list(steady_run(rng, steps=300, group=8, prompts=1, tasks=40))
        config = {**CONFIG, "grpo": {"num_generations": 8, "prompts_per_step": 1}}
        alarms = {f.kind for f in diagnose(lines, config) if f.severity >= Severity.WARNING}
        accused += [(seed, alarms - NEUTRAL)] if alarms - NEUTRAL else []
    assert len(accused) <= 2, accused


def test_a_finding_survives_its_way_through_json():
    for finding in found(changed(steady(1, 90), 40, **COLLAPSES[Kind.GIBBERISH])).values():
        assert Finding.from_dict(json.loads(json.dumps(finding.to_dict()))) == finding


def test_severities_are_ordered_and_the_worst_of_nothing_is_info():
    assert Severity.INFO < Severity.WARNING < Severity.CRITICAL
    assert worst([]) is Severity.INFO


def test_every_kind_has_causes_and_remedies():
    from arcbench.diagnostics.advice import advise
    from arcbench.diagnostics.signals import Signals

    signals = Signals(CONFIG)
    for line in steady(12, 30):
        signals.add(line)
    for kind in AllKinds:
        advice = advise(kind, signals)
        assert advice.causes, kind
        assert advice.remedies, kind
        assert advice.source, kind


# Run folders and the command


def folder(tmp_path, lines) -> RunStore:
    store = RunStore.create(tmp_path, "run", CONFIG)
    for line in lines:
        store.append_metrics(int(line["step"]), {k: v for k, v in line.items() if k != "step"})
    return store


def test_findings_of_a_run_folder_come_worst_first(tmp_path):
    lines = changed(steady(1, 90), 40, **COLLAPSES[Kind.GIBBERISH] | COLLAPSES[Kind.UNSTABLE])
    store = folder(tmp_path, lines)
    severities = [f.severity for f in diagnose_run(store)]
    assert severities == sorted(severities, reverse=True)
    assert severities[0] is Severity.CRITICAL


def test_a_run_of_before_without_the_new_signals_is_diagnosed_by_its_outcomes(tmp_path):
    old = {series.OUTCOME.format("no_code"): 0.9, series.REWARD_MEAN: -0.9}
    lines = changed(steady(1, 90), 40, **old)
    new = {series.NO_PROGRAM, series.FAILED, series.LOOP, series.UNIQUE_4GRAMS}
    lines = [{k: v for k, v in line.items() if k not in new} for line in lines]
    assert Kind.GIBBERISH in {f.kind for f in diagnose_run(folder(tmp_path, lines))}


@pytest.mark.parametrize(
    ("lines", "code", "said"),
    [
        ([], 0, "nothing found in 0 steps"),
        (changed(steady(1, 90), 40, **COLLAPSES[Kind.GIBBERISH]), 2, "critical: gibberish"),
    ],
)
def test_the_command_tells_findings_in_words_and_its_exit_code_their_severity(
    lines, code, said, tmp_path, capsys
):
    from arcbench.cli_report import findings

    store = folder(tmp_path, lines)
    if code:
        with pytest.raises(SystemExit) as ended:
            findings(store.path)
        assert ended.value.code == code
    else:
        findings(store.path)
    out = capsys.readouterr().out
    assert said in out
    assert code == 0 or ("may be" in out and "try" in out)


def test_the_command_refuses_what_is_no_run(tmp_path):
    from arcbench.cli_report import findings

    with pytest.raises(UserError, match="no run in"):
        findings(tmp_path)


def test_the_diagnosis_needs_no_heavy_library():
    code = (
        "import sys, arcbench.diagnostics, arcbench.diagnostics.recording; "
        "sys.exit(any(m in sys.modules for m in ('torch', 'transformers', 'trl', 'gradio')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
