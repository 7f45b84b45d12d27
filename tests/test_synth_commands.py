"""The commands around procedural tasks, called as the command line calls them."""

import json

import pytest

from arcbench import cli_synth
from arcbench.errors import UserError
from arcbench.files import write_json
from arcbench.judge import Judge
from arcbench.policies import ScriptedPolicy
from arcbench.prompts import PromptTemplate
from arcbench.rewards import scheme
from arcbench.sandbox import SandboxPool
from arcbench.synth.config import read_weights
from arcbench.synth.rates import family_rates, family_tasks, to_json
from arcbench.tasks import load_tasks

TEMPLATE = PromptTemplate.load("arcbench")


def test_a_file_goes_on_where_another_one_ended(tmp_path, capsys):
    one, two, whole = (tmp_path / f"{name}.jsonl" for name in ("one", "two", "whole"))
    cli_synth.synth(out=one, n=4, seed=5, workers=0)
    assert "go on with --first 4" in capsys.readouterr().out
    cli_synth.synth(out=two, n=3, seed=5, first=4, workers=0)
    cli_synth.synth(out=whole, n=7, seed=5, workers=0)
    assert whole.read_bytes() == one.read_bytes() + two.read_bytes()
    assert len(load_tasks(whole)) == 7


def test_styles_and_families_are_told_by_name(tmp_path):
    out = tmp_path / "a.jsonl"
    cli_synth.synth(out=out, n=5, families=("flip",), style=("barc=1",), workers=0)
    records = [json.loads(row) for row in out.read_text().splitlines()]
    assert {record["metadata"]["phrasing"] for record in records} == {"barc"}
    assert {tuple(record["seeds"]) for record in records} <= {("flip",), ("flip", "flip")}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": 0}, "--n 0"),
        ({"families": ("flop",)}, "unknown family 'flop'"),
        ({"style": ("short=much",)}, "short=much"),
        ({"style": ("verse",)}, "unknown phrasing 'verse'"),
        ({"max_prompt_tokens": 5}, "max_prompt_tokens"),
    ],
)
def test_mistakes_are_named_and_nothing_is_written(tmp_path, options, message):
    with pytest.raises(UserError, match=message):
        cli_synth.synth(out=tmp_path / "a.jsonl", workers=0, **options)
    assert not list(tmp_path.iterdir())


def test_a_policy_that_knows_one_family_has_that_rate_and_the_weights_can_be_read(tmp_path):
    right = {
        TEMPLATE.messages(item.task)[-2]["content"]: TEMPLATE.completion(item.code)
        for item in family_tasks("flip", 3, max_prompt_tokens=900)
    }

    def say(messages, sample_index):
        known = right.get(messages[-2]["content"]) if sample_index == 0 else None
        return known or "```python\ndef transform(grid):\n    return grid\n```"

    with SandboxPool(1) as pool:
        rates = list(
            family_rates(
                ScriptedPolicy(say),
                Judge(pool=pool, scheme=scheme("staged")),
                tasks=3,
                samples=2,
                names=("flip", "recolor"),
                max_prompt_tokens=900,
            )
        )
    assert {r.family: (r.solved, r.samples) for r in rates} == {"flip": (3, 6), "recolor": (0, 6)}
    file = tmp_path / "rates.json"
    write_json(file, to_json(rates, "scripted"))
    weights = dict(read_weights(file))
    assert weights["recolor"] > 1 > weights["flip"]


@pytest.mark.slow
def test_the_chart_lays_both_sets_side_by_side(tmp_path, capsys):
    out = tmp_path / "stats.svg"
    cli_synth.synth_stats(out=out, n=60, workers=0)
    text = out.read_text()
    assert text.startswith("<?xml")
    assert "prompt tokens" in capsys.readouterr().out
    with pytest.raises(UserError, match=r"\.png"):
        cli_synth.synth_stats(out=tmp_path / "stats.gif")
