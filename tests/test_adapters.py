"""Adapters and runs as policies: what their names stand for, and what is wrong with broken ones."""

import contextlib
import json
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
import torch  # noqa: TID253  (what is tested here is torch)
from hypothesis import given
from hypothesis import strategies as st

from arcbench.errors import UserError
from arcbench.policies import SamplingConfig, load_policy, load_tokenizer, model_path, sample
from arcbench.policies.adapter import CONFIG, WEIGHTS, Adapter
from arcbench.policies.sources import TEMPLATE, resolve, same_model, template_of
from arcbench.preflight import Severity
from arcbench.training.build import check_adapter, check_wording
from arcbench.training.config import LoraConfig, PolicyConfig, TrainConfig
from arcbench.training.exporting import export
from tests.adapted import checkpoint, make_run, save_adapter
from tests.tiny_policy import save_tiny_policy

ASKED = [[{"role": "user", "content": "Example Input: Black Blue Output: Red"}]]
SAMPLING = SamplingConfig(n=4, temperature=1.0, max_new_tokens=8)


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    return save_tiny_policy(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def adapter(base, tmp_path_factory) -> Path:
    return save_adapter(base, tmp_path_factory.mktemp("adapter"))


@pytest.fixture
def run(base, adapter, tmp_path):
    """A run of an adapter with two whole checkpoints and one that was cut short."""
    policy = PolicyConfig(model=str(base), lora=LoraConfig(rank=4, alpha=8))
    store = make_run(tmp_path, "mine", policy)
    for step in (5, 10):
        shutil.copytree(adapter, checkpoint(store, step), dirs_exist_ok=True)
    shutil.copytree(adapter, checkpoint(store, 15, whole=False), dirs_exist_ok=True)
    return store


def scores(policy):
    """Log-probabilities of every next token."""
    ids = torch.tensor([policy.chat.ids(ASKED[0])])
    with torch.no_grad():
        return policy.model(input_ids=ids).logits.log_softmax(-1)


def test_a_run_stands_for_its_newest_whole_checkpoint_and_is_sampled_with_its_adapter(
    base, adapter, run
):
    source = resolve(str(run.path))
    assert source.adapter == run.checkpoints / "checkpoint-10"
    assert (source.name, source.model) == ("mine@10", str(base))
    trained = load_policy(str(run.path))
    assert not torch.allclose(scores(trained), scores(load_policy(str(base))), atol=1e-2)
    assert torch.equal(scores(trained), scores(load_policy(str(adapter))))
    assert torch.equal(scores(trained), scores(load_policy(str(base), adapter=str(run.path))))
    (row,) = sample(trained, ASKED, SAMPLING)
    assert len(row) == 4


def test_sampling_an_adapter_draws_from_the_adapted_distribution(base, adapter):
    policy = load_policy(str(adapter))
    ((one, *_),) = sample(policy, ASKED, SAMPLING)
    want = scores(policy)[0, -1, one.token_ids[0]]
    assert one.logprobs[0] == pytest.approx(float(want), abs=1e-4)


def test_a_run_that_trained_all_weights_stands_for_the_model_in_its_checkpoint(base, tmp_path):
    store = make_run(tmp_path, "full", PolicyConfig(model="embedded"))
    shutil.copytree(base, checkpoint(store, 3), dirs_exist_ok=True)
    here = str(store.checkpoints / "checkpoint-3")
    assert model_path(str(store.path)) == model_path(here) == here
    assert PolicyConfig(model=str(store.path)).model == here  # a later step changes no old run
    assert load_policy(str(store.path)).name == "full@3"
    with pytest.raises(UserError, match="trained all weights"):
        PolicyConfig(model="embedded", adapter=str(store.path))


def test_the_tokenizer_of_a_run_is_that_of_its_base(run):
    assert load_tokenizer(str(run.path)).count_text("Black Blue") == 2


def test_an_adapter_is_no_whole_model_and_the_message_says_what_to_do(run, adapter):
    for spec in (str(run.path), str(adapter)):
        with pytest.raises(UserError, match=r"policy\.adapter = .*arcbench merge"):
            model_path(spec)


def test_a_checkpoint_that_was_cut_short_and_a_run_without_one_are_refused(run, tmp_path):
    with pytest.raises(UserError, match="is not whole"):
        load_policy(str(run.checkpoints / "checkpoint-15"))
    new = make_run(tmp_path, "new", PolicyConfig())
    with pytest.raises(UserError, match="no whole checkpoint"):
        load_policy(str(new.path))


def test_two_adapters_and_one_on_a_server_are_refused(run, adapter):
    with pytest.raises(UserError, match="a second one"):
        load_policy(str(run.path), adapter=str(adapter))
    with pytest.raises(UserError, match="by its name"):
        load_policy("http://localhost:1/v1", adapter=str(adapter))


def test_a_missing_base_is_named_and_another_one_can_be_given(base, adapter, tmp_path):
    moved = shutil.copytree(adapter, tmp_path / "moved")
    settings = json.loads((moved / CONFIG).read_text())
    (moved / CONFIG).write_text(
        json.dumps({**settings, "base_model_name_or_path": "/gone/away/base"})
    )
    with pytest.raises(UserError, match=r"on top of '/gone/away/base', which is not here"):
        load_policy(str(moved))
    again = load_policy(str(base), adapter=str(moved))
    assert torch.equal(scores(again), scores(load_policy(str(adapter))))


def test_an_adapter_of_the_embedded_policy_finds_it_in_another_checkout(base, tmp_path):
    moved = save_adapter(base, tmp_path / "adapter")
    settings = json.loads((moved / CONFIG).read_text())
    settings["base_model_name_or_path"] = "/another/checkout/res/models/arcbench-16m"
    (moved / CONFIG).write_text(json.dumps(settings))
    assert resolve(str(moved)).model == model_path("embedded")


# --- settings of a run ---


def test_a_run_s_settings_take_the_adapter_s_own_and_name_its_checkpoint(base, run):
    policy = PolicyConfig(model=str(base), adapter=str(run.path))
    assert policy.adapter == str(run.checkpoints / "checkpoint-10")
    assert policy.lora is not None
    assert (policy.lora.rank, policy.lora.alpha) == (4, 8)
    assert "q_proj" in policy.lora.module_names
    config = TrainConfig(policy=policy)
    assert TrainConfig.from_dict(config.to_dict()) == config
    words = [f"policy.model={base}", f"policy.adapter={run.path}"]
    assert TrainConfig.load(None, words).policy == policy


@pytest.mark.parametrize(
    ("lora", "said"),
    [
        (LoraConfig(rank=8, alpha=8), r"policy\.lora\.rank 8 contradicts the 4 "),
        (LoraConfig(rank=4, alpha=4), r"policy\.lora\.alpha 4"),
        (LoraConfig(rank=4, alpha=8, dropout=0.1), r"policy\.lora\.dropout 0\.1"),
        (LoraConfig(rank=4, alpha=8, target_modules="q_proj,v_proj"), r"target_modules q_proj"),
    ],
)
def test_settings_that_contradict_the_adapter_are_refused(base, run, lora, said):
    with pytest.raises(UserError, match=said):
        PolicyConfig(model=str(base), adapter=str(run.path), lora=lora)


def test_the_settings_of_a_run_serve_to_go_on_with_its_adapter(base, run):
    trained = TrainConfig.from_dict(run.config()).policy
    policy = replace(trained, adapter=str(run.path))
    assert policy.lora == trained.lora
    shutil.rmtree(run.path)
    assert replace(policy, template="arcbench-compact").adapter == policy.adapter


def test_all_linear_with_an_adapter_of_some_layers_is_an_error_before_the_run(base, tmp_path):
    few = save_adapter(base, tmp_path / "few", target_modules=["q_proj", "v_proj"])
    lora = LoraConfig(rank=4, alpha=8)
    config = TrainConfig(policy=PolicyConfig(model=str(base), adapter=str(few), lora=lora))
    (finding,) = check_adapter(config)
    assert finding.severity is Severity.ERROR
    assert "leaves model.layers.0.mlp.down_proj alone" in finding.message
    alone = replace(config, policy=PolicyConfig(model=str(base), adapter=str(few)))
    (finding,) = check_adapter(alone)
    assert finding.severity is Severity.OK
    assert alone.policy.lora is not None
    assert alone.policy.lora.module_names == {"q_proj", "v_proj"}


def test_the_template_of_a_policy_is_known_from_its_run_or_from_its_folder(base, adapter, tmp_path):
    policy = PolicyConfig(model=str(base), lora=LoraConfig(), template="arcbench-compact")
    store = make_run(tmp_path, "mine", policy)
    shutil.copytree(adapter, checkpoint(store, 5), dirs_exist_ok=True)
    assert template_of(str(store.path)) == "arcbench-compact"
    assert template_of("embedded", adapter=str(store.path)) == "arcbench-compact"
    assert template_of(str(adapter)) is template_of("embedded") is template_of("") is None
    exported = export(str(store.path), tmp_path / "out").folder
    assert template_of(str(exported)) == str(exported / TEMPLATE)
    config = TrainConfig(policy=PolicyConfig(model=str(base), adapter=str(exported)))
    (finding,) = check_wording(config)
    assert finding.severity is Severity.WARNING
    assert finding.advice == f"policy.template = {exported / TEMPLATE}"
    (exported / TEMPLATE).write_text("moved")
    (finding,) = check_wording(config)
    assert "not a TOML file" in finding.advice
    own = PolicyConfig(model=str(base), adapter=str(store.path), template="arcbench-compact")
    assert check_wording(replace(config, policy=own)) == []


# --- broken ones ---


def test_an_adapter_of_another_shape_names_the_module_and_both_models(adapter, tmp_path):
    from transformers import LlamaConfig, LlamaForCausalLM

    other = save_tiny_policy(tmp_path / "other")
    config = LlamaConfig.from_pretrained(str(other))
    config.hidden_size, config.head_dim = 48, 24
    LlamaForCausalLM(config).save_pretrained(other)
    with pytest.raises(UserError, match=r"does not fit .*other: .*from \d+ to \d+ numbers, where"):
        load_policy(str(other), adapter=str(adapter))
    config.num_hidden_layers = 1
    config.hidden_size, config.head_dim = 32, 16
    LlamaForCausalLM(config).save_pretrained(other)
    with pytest.raises(UserError, match=r"layers\.1\..*does not have"):
        load_policy(str(other), adapter=str(adapter))


@given(st.data())
def test_a_weights_file_that_is_cut_anywhere_is_an_error(adapter, data):
    whole = (adapter / WEIGHTS).read_bytes()
    kept = data.draw(st.integers(0, len(whole) - 1))
    with tempfile.TemporaryDirectory() as folder:
        cut = Path(folder)
        shutil.copy(adapter / CONFIG, cut)
        (cut / WEIGHTS).write_bytes(whole[:kept])
        with pytest.raises(UserError, match="half-written"):
            Adapter.read(cut)


@given(st.data())
def test_a_weights_file_with_spoilt_bytes_is_read_or_a_user_s_error(adapter, data):
    spoilt = bytearray((adapter / WEIGHTS).read_bytes())
    table = 8 + int.from_bytes(spoilt[:8], "little")
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, table - 1))
        spoilt[place] = data.draw(st.integers(0, 255) | st.sampled_from(b'[]{}",:-0e'))
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        shutil.copy(adapter / CONFIG, here)
        (here / WEIGHTS).write_bytes(spoilt)
        with contextlib.suppress(UserError):
            Adapter.read(here)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "half-written"),
        ('{"peft_type": "LORA", "r": 4', "half-written"),
        ("[1]", "kind None"),
        ('{"peft_type": "IA3"}', "kind IA3"),
        ('{"peft_type": "LORA", "r": 0, "lora_alpha": 1}', "r must be a positive"),
        ('{"peft_type": "LORA", "r": 4}', "lora_alpha must be"),
    ],
)
def test_broken_settings_are_an_error(adapter, tmp_path, text, said):
    broken = shutil.copytree(adapter, tmp_path / "broken")
    (broken / CONFIG).write_text(text)
    with pytest.raises(UserError, match=said):
        Adapter.read(broken)


def test_missing_files_are_named(adapter, tmp_path):
    with pytest.raises(UserError, match=f"no {CONFIG}"):
        Adapter.read(tmp_path)
    half = shutil.copytree(adapter, tmp_path / "half")
    (half / WEIGHTS).unlink()
    with pytest.raises(UserError, match=f"has no {WEIGHTS}$"):
        Adapter.read(half)
    (half / "adapter_model.bin").write_bytes(b"")
    with pytest.raises(UserError, match="old PEFT"):
        Adapter.read(half)


@pytest.mark.parametrize(
    ("lost", "said"),
    [("layers.0.self_attn.q_proj.lora_B", "one matrix of two"), ("q_proj.", "are missing")],
)
def test_lost_tensors_are_an_error_not_a_warning(adapter, tmp_path, lost, said):
    from safetensors.torch import load_file, save_file

    cut = shutil.copytree(adapter, tmp_path / "cut")
    tensors = load_file(cut / WEIGHTS)
    save_file({k: v for k, v in tensors.items() if lost not in k}, cut / WEIGHTS)
    with pytest.raises(UserError, match=said):
        load_policy(str(cut))


def test_tensors_that_the_settings_leave_out_are_an_error(adapter, tmp_path):
    mixed = shutil.copytree(adapter, tmp_path / "mixed")
    settings = json.loads((mixed / CONFIG).read_text())
    (mixed / CONFIG).write_text(json.dumps({**settings, "target_modules": ["q_proj"]}))
    with pytest.raises(UserError, match="not of the same adapter"):
        load_policy(str(mixed))


def test_half_written_weights_of_a_model_are_an_error(base, tmp_path):
    cut = shutil.copytree(base, tmp_path / "cut")
    whole = (cut / "model.safetensors").read_bytes()
    (cut / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="no model in"):
        load_policy(str(cut))


# --- names ---


def test_a_folder_without_a_policy_says_what_it_lacks(tmp_path):
    with pytest.raises(UserError, match=f"neither config.json nor {CONFIG}"):
        load_policy(str(tmp_path))


def test_a_missing_model_of_the_hub_says_how_to_get_it(monkeypatch, tmp_path):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(UserError) as caught:
        model_path("barc")
    for part in (
        "barc0/Llama-3.1-ARC-Potpourri-Induction-8B", "no folder here", str(tmp_path),
        "HF_HOME", "hf download barc0/", "--local-dir",
    ):  # fmt: skip
        assert part in str(caught.value)


def test_names_of_the_same_model_are_told_from_others(base):
    cached = "/x/models--barc0--Llama-3.1-ARC-Potpourri-Induction-8B/snapshots/1"
    assert same_model("barc", "barc0/Llama-3.1-ARC-Potpourri-Induction-8B")
    assert same_model("barc", cached)
    assert same_model("/other/checkout/arcbench-16m", "embedded")
    assert same_model(str(base), f"{base}/")
    assert not same_model("barc", "meta-llama/Llama-3.1-8B-Instruct")
    assert not same_model(str(base), "embedded")
