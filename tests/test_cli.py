import json
import subprocess
import sys

import pytest

from arcbench.cli import main

RIGHT = "```python\ndef transform(grid):\n    return grid[:, ::-1]\n```"


def arcbench(*words, **kwargs):
    return subprocess.run(
        [sys.executable, "-m", "arcbench", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **kwargs,
    )


@pytest.fixture
def completions(tmp_path):
    path = tmp_path / "completions.jsonl"
    path.write_text(json.dumps({"task_id": "67a3c6ac", "completion": RIGHT}) + "\n{\n")
    return path


def test_judging_a_file_ends_with_rate_and_outcomes(completions, tmp_path):
    out = tmp_path / "judged.jsonl"
    words = ["judge", completions, "--out", out, "--split", "training", "--reward", "arc25-v1"]
    done = arcbench(*words, "--k", "1")
    assert done.returncode == 0, done.stderr
    (record,) = map(json.loads, out.read_text().splitlines())
    assert record["outcome"] == "ok"
    assert record["reward"]["total"] == 10.0
    assert "completions.jsonl:2: not JSON" in done.stderr
    last = done.stdout.splitlines()[-1]
    assert "1 judged" in last
    assert "programs/s" in last
    assert "ok 1" in last
    assert "1 broken line" in last
    assert "pass@1" in done.stdout


@pytest.fixture
def refused(capsys):
    """What a command says in its one line when it ends with exit code 2."""

    def run(*words):
        with pytest.raises(SystemExit) as ended:
            main([*map(str, words)])
        assert ended.value.code == 2
        said = capsys.readouterr().err
        assert len(said.strip().splitlines()) == 1, said
        return said

    return run


@pytest.mark.parametrize(
    ("change", "allowed"),
    [
        (["--dataset", "arc-agi-7"], "arc-agi-1, arc-agi-2"),
        (["--split", "validation"], "training, evaluation"),
        (["--reward", "pixels"], "staged, arc25-v1, arc25-v2"),
    ],
)
def test_an_unknown_name_exits_2_and_names_the_allowed_ones(
    completions, tmp_path, refused, change, allowed
):
    said = refused("judge", completions, "--out", tmp_path / "out.jsonl", *change)
    assert change[1] in said
    assert allowed in said


def test_an_unknown_task_exits_2_and_names_close_ones():
    done = arcbench("prompt", "67a3c6aa", "--policy", "none")
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "67a3c6ac" in done.stderr


def test_an_unknown_policy_exits_2(refused):
    said = refused("prompt", "67a3c6ac", "--policy", "no/such-model")
    assert "no/such-model" in said
    assert "embedded" in said


def test_the_prompt_of_a_task_is_printed_with_its_length():
    done = arcbench("prompt", "67a3c6ac")
    assert done.returncode == 0, done.stderr
    assert "Example 1" in done.stdout
    assert "tokens" in done.stdout.splitlines()[-1]


def test_a_reader_that_leaves_early_is_no_error():
    code = f"{sys.executable} -m arcbench prompt 67a3c6ac --policy none | head -n 1"
    done = subprocess.run(code, shell=True, capture_output=True, text=True, timeout=60, check=True)
    assert "Traceback" not in done.stderr
