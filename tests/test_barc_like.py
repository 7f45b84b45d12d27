"""A model like BARC's, from its name on the hub to a merged folder, without a network.

It has Llama 3's tokenizer, with its end token as padding as BARC's has, and a tiny random model.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from arcbench.policies.sources import BARC

pytestmark = pytest.mark.slow

STEPS = """
import sys
from arcbench.cli import main

out = sys.argv[1]
main(["train", "--name", "mine", "--runs", out, "--set", "policy.model=barc", "policy.lora.rank=4",
      "data.tasks=67a3c6ac", "grpo.num_generations=2", "lengths.max_completion_tokens=4",
      "steps=2", "checkpoint_every=2", "threads=1", "device=cpu"])
main(["merge", f"{out}/mine", "--out", f"{out}/merged"])
main(["export", f"{out}/mine", "--out", f"{out}/exported"])
for name in ("mine", "exported", "merged"):
    main(["sample", "--policy", f"{out}/{name}", "--task", "67a3c6ac", "--n", "2",
          "--max-new-tokens", "3", "--seed", "3", "--out", f"{out}/{name}.jsonl"])
"""


def save_barc_like(folder: Path) -> None:
    """A folder as BARC's is on the hub, but for its size."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from arcbench.policies import llama3

    tokenizer = llama3.load()
    end = tokenizer.convert_tokens_to_ids(llama3.TURN_ENDS)
    tokenizer.pad_token = llama3.TURN_ENDS
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=32, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=2048,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=end, pad_token_id=end,
        tie_word_embeddings=False,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        for parameter in model.parameters():
            # A new model finds all tokens equally likely; this one has preferences.
            parameter *= 20 if parameter.ndim == 2 else 1
    model = model.to(torch.bfloat16)
    model.generation_config.eos_token_id = [128001, 128008, end]
    model.save_pretrained(folder)


def contents(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def padding(folder: Path) -> str:
    found: str = json.loads((folder / "tokenizer_config.json").read_text())["pad_token"]
    return found


@pytest.mark.long
def test_barc_by_its_name_trains_with_repaired_padding_and_its_files_stay_as_they_are(tmp_path):
    cached = tmp_path / "hf" / "hub" / f"models--{BARC.replace('/', '--')}"
    snapshot = cached / "snapshots" / "0123"
    snapshot.mkdir(parents=True)
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text("0123")
    save_barc_like(snapshot)
    before = contents(snapshot)
    environment = {
        **os.environ, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "",
    }  # fmt: skip
    environment.pop("HF_HUB_CACHE", None)
    done = subprocess.run(
        [sys.executable, "-c", STEPS, str(tmp_path)],
        capture_output=True, text=True, env=environment, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert contents(snapshot) == before
    assert padding(snapshot) == "<|eot_id|>"

    log = (tmp_path / "mine" / "log.txt").read_text()
    assert "<|finetune_right_pad_id|> (id 128004) takes its place" in log
    assert "was trained with another wording than template arcbench" in log
    checkpoint = tmp_path / "mine" / "checkpoints" / "checkpoint-2"
    for folder in (checkpoint, tmp_path / "exported", tmp_path / "merged"):
        assert padding(folder) == "<|finetune_right_pad_id|>"
    settings = json.loads((tmp_path / "exported" / "adapter_config.json").read_text())
    assert settings["base_model_name_or_path"] == BARC
    merged = json.loads((tmp_path / "merged" / "config.json").read_text())
    assert (merged["dtype"], merged["pad_token_id"]) == ("bfloat16", 128004)
    assert "its log-probabilities differ from the adapter's by" in done.stdout
    samples = [(tmp_path / f"{n}.jsonl").read_text() for n in ("mine", "exported")]
    assert samples[0] == samples[1]
    assert "2 completions of 1 tasks by mine@2" in done.stdout
