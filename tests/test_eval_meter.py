import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcbench.cli_eval import evaluate_policy
from arcbench.errors import UserError
from arcbench.evaluation.meter import Meter, Speed, duration, memory_bytes
from arcbench.policies.base import Completion

speeds = st.builds(
    Speed,
    seconds=st.floats(0, 1e6),
    samples=st.integers(0, 10**6),
    tokens=st.integers(0, 10**9),
    policy_seconds=st.floats(0, 1e6),
    worker_seconds=st.floats(0, 1e6),
    gpus=st.integers(0, 8),
    peak_memory_bytes=st.integers(0, 2**40),
)


@given(speeds, speeds)
def test_sittings_add_up_but_for_what_is_a_peak(a, b):
    both = a.plus(b)
    assert both.samples == a.samples + b.samples
    assert both.seconds == a.seconds + b.seconds
    assert both.peak_memory_bytes == max(a.peak_memory_bytes, b.peak_memory_bytes)
    assert both.gpus == max(a.gpus, b.gpus)
    assert Speed.from_dict(both.to_dict()) == both
    assert str(both)


def test_nothing_at_all_has_rates_of_0():
    assert Speed().tokens_per_s == Speed().policy_share == Speed().sandbox_share == 0
    assert Speed().gpu_share is None


def test_a_meter_counts_what_the_policy_gives_and_what_programs_take():
    meter = Meter(workers=2)
    with meter:
        for token_ids in meter.at_work([(1, 2), (3,)]):
            meter.sampled(Completion(text="", token_ids=token_ids))
            meter.judged(0.5)
        meter.prompts(70)
    speed = meter.speed()
    assert (speed.samples, speed.tokens, speed.judged, speed.prompt_tokens) == (2, 3, 2, 70)
    assert speed.program_seconds == 1.0
    assert speed.worker_seconds == 2 * speed.seconds
    assert 0 < speed.policy_seconds < speed.seconds
    assert speed.peak_memory_bytes > 2**20
    assert meter.speed() == speed  # it stands still once it is left


def test_an_error_of_the_policy_passes_through_a_meter():
    def broken():
        yield 1
        raise RuntimeError("gone")

    with Meter(workers=1) as meter, pytest.raises(RuntimeError, match="gone"):
        list(meter.at_work(broken()))


def test_the_memory_of_children_counts():
    before = memory_bytes()
    code = "x = b'1' * 100_000_000; print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        child.stdout.readline()
        assert memory_bytes() > before + 90_000_000
        assert memory_bytes(child.pid) > 90_000_000
        child.communicate(b"\n")
    assert memory_bytes(child.pid) == 0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (8.25, "8.2 s"),
        (125, "2 min 05 s"),
        (3599.7, "1 h 00 min"),
        (12000, "3 h 20 min"),
    ],
)
def test_times_are_told_as_people_say_them(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"minutes": 0.0}, "--minutes must be positive"),
        ({"workers": 2, "pool": "ray"}, "--workers is for --pool local"),
        ({"ray_address": "auto"}, "needs --pool ray"),
        ({"n": 8, "k": (64,)}, "k must be between 1 and n"),
        ({"reward": "nice"}, "unknown reward scheme 'nice'"),
        ({"resume": "evals/x", "task": ("a",)}, "not --task"),
        ({"resume": "evals/x", "max_new_tokens": 1}, "not --max-new-tokens"),
        ({"resume": "evals/x", "name": "y"}, "not --name"),
        ({"resume": "evals/x"}, "no evaluation in evals/x: there is no such folder"),
    ],
)
def test_words_that_do_not_go_together_are_refused(options, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if "resume" in options:
        options = {**options, "resume": Path(options["resume"])}
    with pytest.raises(UserError, match=message):
        evaluate_policy(**options)
    assert list(tmp_path.iterdir()) == []
