"""Merged and exported policies: plain folders that write what the run writes, or nothing at all."""

import json
import shutil
from pathlib import Path

import pytest
import torch  # noqa: TID253  (what is tested here is torch)

from arcbench.errors import UserError
from arcbench.files import new_folder
from arcbench.policies import load_policy, load_tokenizer
from arcbench.policies.adapter import CONFIG
from arcbench.policies.sources import TEMPLATE
from arcbench.prompts import PromptTemplate
from arcbench.training.config import LoraConfig, PolicyConfig, TrainConfig
from arcbench.training.exporting import export
from arcbench.training.merging import merge
from tests.adapted import checkpoint, make_run, save_adapter
from tests.tiny_policy import save_tiny_policy

FIGURES = {"pass rate": 0.25, "mean reward": 1.5}


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    return save_tiny_policy(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def adapter(base, tmp_path_factory) -> Path:
    return save_adapter(base, tmp_path_factory.mktemp("adapter"))


@pytest.fixture
def run(base, adapter, tmp_path):
    policy = PolicyConfig(model=str(base), lora=LoraConfig(rank=4, alpha=8))
    store = make_run(tmp_path, "mine", policy)
    folder = shutil.copytree(adapter, checkpoint(store, 10), dirs_exist_ok=True)
    load_tokenizer(str(base)).tokenizer.save_pretrained(folder)
    (folder / "optimizer.pt").write_bytes(b"large")
    return store


def scores(policy):
    ids = torch.tensor([policy.chat.ids([{"role": "user", "content": "Black Blue Red"}])])
    with torch.no_grad():
        return policy.model(input_ids=ids).logits.log_softmax(-1)


def left_in(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


# --- merge ---


def test_a_merged_model_is_a_plain_one_that_writes_what_the_adapter_does(base, run, tmp_path):
    merged = merge(str(run.path), tmp_path / "merged")
    assert merged.dtype == "float32"
    assert merged.mean_gap < 1e-5 < 0.01 < merged.effect
    assert not (merged.folder / CONFIG).exists()
    policy = load_policy(str(merged.folder))
    assert torch.allclose(scores(policy), scores(load_policy(str(run.path))), atol=1e-4)
    assert not torch.allclose(scores(policy), scores(load_policy(str(base))), atol=1e-2)
    there = left_in(merged.folder)
    assert {"generation_config.json", "tokenizer.json", TEMPLATE, "README.md"} <= set(there)
    assert "after 10 of 1000 steps" in (merged.folder / "README.md").read_text()


def test_the_weights_have_the_dtype_of_the_base_or_the_one_asked_for(base, tmp_path):
    from transformers import AutoModelForCausalLM

    half = tmp_path / "half"
    model = AutoModelForCausalLM.from_pretrained(str(base), dtype=torch.bfloat16)
    model.save_pretrained(half)
    load_tokenizer(str(base)).tokenizer.save_pretrained(half)
    adapter = save_adapter(half, tmp_path / "adapter")
    merged = merge(str(adapter), tmp_path / "merged")
    assert merged.dtype == "bfloat16"
    assert 1e-5 < merged.mean_gap < merged.effect / 20
    loaded = AutoModelForCausalLM.from_pretrained(str(merged.folder), dtype="auto")
    assert loaded.dtype == torch.bfloat16
    exact = merge(str(adapter), tmp_path / "exact", dtype="float32")
    assert exact.mean_gap < 1e-5


def test_an_adapter_that_rounding_swallows_is_worth_a_word(base, tmp_path):
    faint = save_adapter(base, tmp_path / "faint", size=1e-4)
    merged = merge(str(faint), tmp_path / "merged", dtype="bfloat16")
    assert any("takes away much" in note for note in merged.notes)
    fine = merge(str(faint), tmp_path / "fine")
    assert fine.notes == ()


def test_another_base_can_be_named(base, adapter, tmp_path):
    moved = shutil.copytree(adapter, tmp_path / "moved")
    settings = json.loads((moved / CONFIG).read_text())
    settings["base_model_name_or_path"] = "/gone/away"
    (moved / CONFIG).write_text(json.dumps(settings))
    with pytest.raises(UserError, match="is not here"):
        merge(str(moved), tmp_path / "merged")
    assert merge(str(moved), tmp_path / "merged", base=str(base)).mean_gap < 1e-5


def test_an_adapter_trained_on_rounded_weights_is_merged_into_the_unrounded_with_a_word(
    run, tmp_path
):
    settings = run.config()
    settings["policy"]["quantization"] = "4bit"
    run.write_config(settings)
    merged = merge(str(run.path), tmp_path / "merged")
    assert any("trained on 4bit weights" in note for note in merged.notes)
    assert "trained on 4bit weights" in (merged.folder / "README.md").read_text()


def test_what_cannot_be_merged_leaves_nothing(base, adapter, tmp_path):
    from safetensors.torch import load_file, save_file

    out = tmp_path / "out"
    broken = shutil.copytree(adapter, tmp_path / "broken")
    tensors = load_file(broken / "adapter_model.safetensors")
    first = next(iter(tensors))
    save_file({**tensors, first: tensors[first] * torch.nan}, broken / "adapter_model.safetensors")
    with pytest.raises(UserError, match="cannot be merged"):
        merge(str(broken), out)
    with pytest.raises(UserError, match="nothing to merge"):
        merge(str(base), out)
    assert left_in(tmp_path) == ["broken"]
    out.mkdir()
    with pytest.raises(UserError, match="is there already"):
        merge(str(adapter), out)
    assert left_in(out) == []


def test_a_merge_that_goes_wrong_is_caught_by_reading_it_back(tmp_path):
    # With tied embeddings an adapter on the output layer would change the input, too.
    from transformers import AutoModelForCausalLM

    tied = save_tiny_policy(tmp_path / "tied")
    model = AutoModelForCausalLM.from_pretrained(str(tied))
    model.config.tie_word_embeddings = True
    model.tie_weights()
    model.save_pretrained(tied)
    adapter = save_adapter(tied, tmp_path / "adapter", target_modules=["lm_head"])
    with pytest.raises(UserError, match=r"does not write what the adapter does.*nothing was"):
        merge(str(adapter), tmp_path / "out")
    assert left_in(tmp_path) == ["adapter", "tied"]


# --- export ---


def test_an_exported_adapter_is_sampled_like_the_run_and_has_no_more_than_it_needs(run, tmp_path):
    run.write_eval("before", {"tasks": 1, "samples": 4, "figures": FIGURES, "solved": {}})
    exported = export(str(run.path), tmp_path / "out")
    assert torch.equal(
        scores(load_policy(str(exported.folder))), scores(load_policy(str(run.path)))
    )
    assert left_in(exported.folder) == [
        "README.md", CONFIG, "adapter_model.safetensors", "chat_template.jinja", TEMPLATE,
        "tokenizer.json", "tokenizer_config.json",
    ]  # fmt: skip
    text = (exported.folder / "README.md").read_text()
    for part in ("base_model:", "step", "| pass rate | 25% |", "rank 4", '"learning_rate"'):
        assert part in text
    template = PromptTemplate.load(exported.folder / TEMPLATE)
    assert template == PromptTemplate.load("arcbench")


def test_after_is_told_of_the_last_step_only(base, tmp_path):
    store = make_run(tmp_path, "full", PolicyConfig(model=str(base)))
    for name in ("before", "after"):
        store.write_eval(name, {"tasks": 1, "samples": 4, "figures": FIGURES, "solved": {}})
    for step in (500, 1000):
        shutil.copytree(base, checkpoint(store, step), dirs_exist_ok=True)
    last = export(str(store.path), tmp_path / "last")
    early = export(str(store.checkpoints / "checkpoint-500"), tmp_path / "early")
    assert "| before | after |" in (last.folder / "README.md").read_text()
    assert "after |" not in (early.folder / "README.md").read_text()
    assert "after 500 steps" in str(early)
    assert torch.equal(scores(load_policy(str(last.folder))), scores(load_policy(str(base))))


def test_what_is_no_run_and_what_is_there_already_is_refused(base, adapter, run, tmp_path):
    for spec in (str(adapter), str(base), "embedded", str(tmp_path / "none")):
        with pytest.raises(UserError, match="no run and no checkpoint"):
            export(spec, tmp_path / "out")
    (tmp_path / "out").mkdir()
    with pytest.raises(UserError, match="is there already"):
        export(str(run.path), tmp_path / "out")
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be written"):
        export(str(run.path), tmp_path / "file" / "out")


def test_a_template_that_is_gone_is_told_and_the_weights_are_exported(base, adapter, tmp_path):
    config = TrainConfig(
        policy=PolicyConfig(model=str(base), lora=LoraConfig(rank=4), template="/gone/mine.toml")
    )
    store = make_run(tmp_path, "mine", config.policy)
    shutil.copytree(adapter, checkpoint(store, 2), dirs_exist_ok=True)
    exported = export(str(store.path), tmp_path / "out")
    assert "mine.toml" in exported.notes[0]
    assert not (exported.folder / TEMPLATE).exists()


def test_a_folder_is_written_whole_or_not_at_all(tmp_path):
    out = tmp_path / "a" / "b"

    def half() -> None:
        with new_folder(out) as partial:
            (partial / "one").write_text("1")
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        half()
    assert left_in(tmp_path / "a") == []
    with new_folder(out) as partial:
        (partial / "one").write_text("1")
        assert not out.exists()
    assert left_in(out) == ["one"]
