"""What the pretraining is given to read follows from the settings of its tasks."""

from itertools import islice

import pytest

from arcbench.errors import UserError
from arcbench.synth import SynthConfig
from arcbench.synth.checks import canonical_digest
from arcbench.synth.generate import generate
from arcbench.training import pretrain_data
from arcbench.training.pretrain import PretrainConfig, pretrain
from arcbench.training.pretrain_data import DocumentEncoder, PackStream, make_pack
from arcbench.training.tokenizer import build_tokenizer

FLIPS = SynthConfig(families=("flip",), pairs_of_families=0, disguises=0, max_prompt_tokens=500)


@pytest.fixture(scope="module")
def tokenizer():
    return build_tokenizer()


def documents(tokenizer, pack):
    ends = pack.lengths.cumsum().tolist()
    starts = [0, *ends[:-1]]
    texts = [tokenizer.decode(pack.ids[a:b]) for a, b in zip(starts, ends, strict=True)]
    return [text for text in texts if "transform" in text]


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 1])
def test_documents_are_tasks_of_the_chosen_families(tokenizer, tmp_path, workers):
    tokenizer.save_pretrained(tmp_path)
    stream = PackStream(
        tokenizer_folder=tmp_path, seed=3, tokens=4096, first=0, workers=workers, config=FLIPS
    )
    try:
        (pack,) = islice(stream, 1)
    finally:
        stream.close()
    texts = documents(tokenizer, pack)
    assert len(texts) > 5
    for text in texts:
        assert any(word in text for word in ("flip_", "transpose(", "rotate_"))
        assert len(tokenizer(text)["input_ids"]) < 600


def test_a_pack_holds_no_two_tasks_that_look_alike(tokenizer, monkeypatch):
    monkeypatch.setattr(
        pretrain_data, "generate", lambda seed, index, config: generate(seed, index % 4, config)
    )
    monkeypatch.setattr(pretrain_data, "STRIDE", 12)
    pack = make_pack(DocumentEncoder(tokenizer), 5, 0, 16_384, FLIPS)
    wanted = {canonical_digest(generate(5, index, FLIPS).task) for index in range(4)}
    assert len(documents(tokenizer, pack)) == len(wanted)


def test_every_colour_name_and_concept_of_a_program_is_one_token(tokenizer):
    from arcbench.synth.families_relations import FAMILIES

    for family in FAMILIES:
        config = SynthConfig(families=(family.name,), pairs_of_families=0)
        program = generate(1, 0, config).code.split("return ")[1]
        assert len(tokenizer(program, add_special_tokens=False)["input_ids"]) <= 14, program


def test_other_tasks_are_another_recipe(tmp_path):
    one = PretrainConfig(out=tmp_path, tokens=1000)
    other = PretrainConfig(out=tmp_path, tokens=1000, tasks=FLIPS)
    assert one.recipe != other.recipe
    assert one.recipe["tasks"]["max_prompt_tokens"] == 3000
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError, match="already holds"):
        pretrain(other)
