import dataclasses
import signal
import subprocess
import sys
import time
from itertools import islice

import numpy as np
import pytest
import torch  # noqa: TID253  (what is tested here is torch)

from arcbench.errors import UserError
from arcbench.policies import load_policy
from arcbench.synth.generate import generate
from arcbench.training.llama import Llama, ModelConfig, to_transformers
from arcbench.training.muon import Muon
from arcbench.training.pretrain import (
    CHECKPOINT,
    PretrainConfig,
    pretrain,
    read_metrics,
)
from arcbench.training.pretrain_batch import make_batch
from arcbench.training.pretrain_data import DocumentEncoder, PackStream, make_pack
from arcbench.training.tokenizer import MAX_POSITIONS, build_tokenizer

TINY = ModelConfig(hidden_size=64, intermediate_size=128, num_layers=2, num_heads=2, num_kv_heads=1)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def tokenizer():
    return build_tokenizer()


def config(out, **changes) -> PretrainConfig:
    values = {
        "out": out, "tokens": 16_000, "device": "cpu", "pack_tokens": 2048, "packs_per_step": 1,
        "workers": 0, "log_every_s": 0.0, "eval_tasks": 0, "checkpoint_every_s": 0.0, "model": TINY,
    }  # fmt: skip
    return PretrainConfig(**values | changes)


def test_the_shipped_model_has_at_most_16_million_parameters():
    with torch.device("meta"):
        model = Llama(ModelConfig())
    assert sum(p.numel() for p in model.parameters()) <= 16_000_000


def test_packed_documents_give_the_logits_of_a_transformers_llama(tokenizer):
    torch.manual_seed(0)
    model = Llama(TINY)
    pack = make_pack(DocumentEncoder(tokenizer), 0, 0, 2048)
    assert len(pack.lengths) > 2
    batch = make_batch([pack], CPU)
    twin = to_transformers(model, tokenizer, torch.float32)
    with torch.no_grad():
        packed = model.logits(model(batch.ids, batch.positions, batch.spans, torch.float32))
        lengths = pack.lengths.tolist()
        documents = zip(batch.ids.split(lengths), batch.positions.split(lengths), strict=True)
        parts = [
            twin(ids[None], torch.ones_like(ids)[None], positions[None]).logits[0]
            for ids, positions in documents
        ]
    assert torch.allclose(packed, torch.cat(parts), atol=1e-5)


def test_some_documents_have_gaps_between_examples_and_only_there(tokenizer):
    document = DocumentEncoder(tokenizer).document(generate(0, 0))
    drawn = [document.positions(np.random.default_rng(seed)) for seed in range(300)]
    gapped = [positions for positions in drawn if positions[-1] >= len(positions)]
    assert 0.3 * 300 < len(gapped) < 0.5 * 300
    assert max(positions[-1] for positions in gapped) > 6000
    for positions in drawn:
        assert positions[0] == 0
        assert positions[-1] < MAX_POSITIONS
        jumps = np.flatnonzero(np.diff(positions) != 1) + 1
        assert set(jumps.tolist()) <= set(document.joints)
        assert (np.diff(positions) >= 1).all()
    heads = [tokenizer.decode(document.ids[joint : joint + 1]) for joint in document.joints]
    assert ["Example" in head for head in heads] == [True] * (len(heads) - 1) + [False]


def test_muon_in_batches_is_torch_s_muon():
    torch.manual_seed(0)
    shapes = [(24, 8), (8, 24), (8, 8), (24, 8)]
    ours = [torch.randn(shape, requires_grad=True) for shape in shapes]
    theirs = [parameter.detach().clone().requires_grad_() for parameter in ours]
    options = {"lr": 0.05, "weight_decay": 0.1}
    optimizers = [Muon(ours, **options), torch.optim.Muon(theirs, **options)]
    for _ in range(3):
        for parameters, optimizer in zip((ours, theirs), optimizers, strict=True):
            sum((p**3).sum() for p in parameters).backward()
            optimizer.step()
            optimizer.zero_grad()
    for a, b in zip(ours, theirs, strict=True):
        # Both iterate in bfloat16, in another order.
        assert torch.allclose(a, b, atol=4e-3)


def test_a_target_is_the_next_token_of_the_same_document(tokenizer):
    packs = [make_pack(DocumentEncoder(tokenizer), 0, number, 2048) for number in range(2)]
    batch = make_batch(packs, CPU)
    kinds = np.concatenate([pack.kinds for pack in packs])
    assert len(batch.where) == (kinds > 0).sum()
    assert (batch.ids[batch.where + 1] == batch.targets).all()
    edges = set(batch.spans.edges.tolist())
    assert not edges & set((batch.where + 1).tolist())
    assert batch.is_program.sum() == (kinds == 2).sum()
    assert batch.num_tokens == sum(int((pack.ids != 0).sum()) for pack in packs)


@pytest.mark.long
def test_packs_don_t_depend_on_who_makes_them(tokenizer, tmp_path):
    tokenizer.save_pretrained(tmp_path)
    encoder = DocumentEncoder(tokenizer)
    stream = PackStream(tokenizer_folder=tmp_path, seed=3, tokens=2048, first=5, workers=2)
    try:
        made = list(islice(stream, 3))
    finally:
        stream.close()
    for pack, number in zip(made, (5, 6, 7), strict=True):
        want = make_pack(encoder, 3, number, 2048)
        assert pack.number == number
        assert (pack.ids == want.ids).all()
        assert (pack.kinds == want.kinds).all()


def test_a_few_steps_lower_the_loss_and_the_model_can_be_sampled(tmp_path):
    out = pretrain(config(tmp_path / "m", tokens=40_000))
    lines = [line for line in read_metrics(out) if line["kind"] == "train"]
    assert lines[-1]["loss_program"] < lines[0]["loss_program"] - 1.5
    assert lines[-1]["rate"] < 0.2
    assert not (out / CHECKPOINT).exists()
    policy = load_policy(str(out))
    assert policy.count_tokens([{"role": "user", "content": "Red Blue"}]) == 5


@pytest.mark.long
def test_a_run_goes_on_where_it_was_with_the_same_result(tmp_path):
    whole = tmp_path / "whole"
    pretrain(config(whole, tokens=10_000))
    halved = tmp_path / "halved"
    run = config(halved, tokens=10_000)
    stop_after(run, steps=3)
    assert (halved / CHECKPOINT).is_file()
    pretrain(run)
    for line, want in zip(trained(halved)[3:], trained(whole)[3:], strict=True):
        assert line["next_pack"] == want["next_pack"]
        assert line["tokens"] == want["tokens"]
        assert line["loss_program"] == pytest.approx(want["loss_program"], abs=1e-3)


def trained(folder):
    return [line for line in read_metrics(folder) if line["kind"] == "train"]


class Stopped(Exception):
    pass


def stop_after(run: PretrainConfig, steps: int) -> None:
    """Run until the data of step `steps` + 1 is asked for, as a kill between two steps would."""
    from arcbench.training.pretrain import _Run

    started = _Run(run)
    started.stream = _Limited(started.stream, steps)
    with pytest.raises(Stopped):
        started.train()


class _Limited:
    def __init__(self, stream, steps):
        self.stream, self.steps = stream, steps

    def __iter__(self):
        yield from islice(self.stream, self.steps)
        raise Stopped


@pytest.mark.long
def test_a_killed_process_goes_on_with_the_next_pack(tmp_path):
    out = tmp_path / "m"
    options = (
        f"--out {out} --tokens 60000 --device cpu --layers 2 --width 64 --heads 2 "
        "--feed-forward 128 --pack-tokens 2048 --packs-per-step 1 --workers 1 --eval-tasks 0 "
        "--log-every-s 0 --checkpoint-every-s 0"
    )
    command = [sys.executable, "-m", "arcbench.training.pretrain", *options.split()]
    process = subprocess.Popen(command)
    deadline = time.monotonic() + 120
    while not (out / CHECKPOINT).is_file() or len(trained(out)) < 5:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = len(trained(out))
    subprocess.run(command, check=True, timeout=240)
    packs = [line["next_pack"] for line in trained(out)]
    # The step that was under way may have been logged but not saved: it is done again.
    assert packs[:before] == list(range(1, before + 1))
    assert packs[before] in (before, before + 1)
    assert packs[before:] == list(range(packs[before], packs[-1] + 1))


def test_another_recipe_in_the_same_folder_is_refused(tmp_path):
    run = config(tmp_path, tokens=16_000)
    stop_after(run, steps=1)
    with pytest.raises(UserError, match="muon_lr"):
        pretrain(dataclasses.replace(run, muon_lr=0.5))


def test_a_folder_with_a_finished_model_is_left_alone(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError, match="already holds a model"):
        pretrain(config(tmp_path))


def test_a_budget_is_needed_and_only_one(tmp_path):
    with pytest.raises(UserError, match="budget"):
        PretrainConfig(out=tmp_path)
    with pytest.raises(UserError, match="budget"):
        PretrainConfig(out=tmp_path, minutes=1, tokens=1)
