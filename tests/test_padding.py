"""A padding token that hides the end is found and replaced, in memory and, if asked, on disk."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcbench.cli import main
from arcbench.errors import UserError
from arcbench.policies.chat import load_plain
from arcbench.policies.padding import (
    LLAMA_3_PAD,
    find_repair,
    fix_tokenizer,
    model_facts,
    padding_problem,
    repair_padding,
)

LLAMA_3 = ["<|begin_of_text|>", "<|reserved_special_token_0|>", LLAMA_3_PAD, "<|eot_id|>"]


def make(special, *, eos, pad, template="{{ messages[0]['content'] }}"):
    """A tokenizer of a few words with these special tokens."""
    from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = {w: i for i, w in enumerate(["<unk>", "Black", "Blue", "Example"])}
    table = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    table.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    table.add_special_tokens([AddedToken(t, normalized=False) for t in special])
    return PreTrainedTokenizerFast(
        tokenizer_object=table, unk_token="<unk>", eos_token=eos, pad_token=pad,
        chat_template=template,
    )  # fmt: skip


def save(folder, tokenizer, **config):
    """A model's folder without weights."""
    tokenizer.save_pretrained(folder)
    values = {"model_type": "llama", "vocab_size": len(tokenizer), **config}
    (folder / "config.json").write_text(json.dumps(values))
    return folder


def contents(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def test_llama_3_with_its_end_token_as_padding_gets_its_own_padding_token():
    tokenizer = make(LLAMA_3, eos="<|eot_id|>", pad="<|eot_id|>")
    said = repair_padding(tokenizer)
    assert tokenizer.pad_token == LLAMA_3_PAD
    assert tokenizer.pad_token_id != tokenizer.eos_token_id
    assert "'<|eot_id|>' is its end token" in said
    assert LLAMA_3_PAD in said


def test_a_sound_tokenizer_is_left_alone():
    tokenizer = make([*LLAMA_3, "<|pad|>"], eos="<|eot_id|>", pad="<|pad|>")
    assert repair_padding(tokenizer) is None
    assert tokenizer.pad_token == "<|pad|>"


@pytest.mark.parametrize(
    ("special", "template", "chosen"),
    [
        (["</s>", "<repo>", "<|extra_0|>", "[PAD]"], "", "[PAD]"),
        (["</s>", "<repo>", "<|reserved_7|>"], "", "<|reserved_7|>"),
        (["</s>", "<repo>", "<|endoftext|>"], "", "<|endoftext|>"),
        (["</s>", "<|im_start|>", "<repo>"], "<|im_start|>{{ x }}", "<repo>"),
    ],
)
def test_the_choice_goes_from_tokens_for_padding_to_tokens_that_no_prompt_has(
    special, template, chosen
):
    tokenizer = make(special, eos="</s>", pad=None, template=template)
    assert find_repair(tokenizer).token == chosen


def test_a_token_at_which_the_model_stops_is_no_padding():
    tokenizer = make(["</s>", "<|endoftext|>"], eos="</s>", pad="<|endoftext|>", template="")
    stop = tokenizer.convert_tokens_to_ids("<|endoftext|>")
    assert "stops" in padding_problem(tokenizer, stop_ids={stop})
    assert padding_problem(tokenizer) == ""


def test_a_new_token_needs_a_row_of_the_embedding():
    tokenizer = make(["</s>"], eos="</s>", pad="</s>")
    size = len(tokenizer)
    with pytest.raises(UserError, match="no token to spare"):
        repair_padding(tokenizer, rows=size)
    assert "spare rows" in repair_padding(tokenizer, rows=size + 3)
    assert tokenizer.pad_token_id == size


def test_padding_past_the_embedding_is_replaced():
    tokenizer = make(["</s>", "<|reserved_0|>"], eos="</s>", pad="<late>")
    tokenizer.add_special_tokens({"pad_token": "<late>"})
    rows = len(tokenizer) - 1
    assert f"past the {rows} rows" in padding_problem(tokenizer, rows=rows)
    assert find_repair(tokenizer, rows=rows).token == "<|reserved_0|>"


@given(
    st.lists(
        st.sampled_from(["<pad>", "<|reserved_1|>", "<|endoftext|>", "<a>", "</s>", LLAMA_3_PAD]),
        unique=True,
    ),
    st.integers(0, 2),
)
def test_after_a_repair_there_is_nothing_to_repair(special, spare):
    tokenizer = make(["<eos>", *special], eos="<eos>", pad="<eos>")
    rows = len(tokenizer) + spare
    stops = {tokenizer.eos_token_id}
    try:
        said = repair_padding(tokenizer, stop_ids=stops, rows=rows)
    except UserError:
        assert not special
        assert not spare
        return
    assert said
    assert padding_problem(tokenizer, stop_ids=stops, rows=rows) == ""
    assert repair_padding(tokenizer, stop_ids=stops, rows=rows) is None


def test_without_write_the_files_stay_as_they_are(tmp_path):
    folder = save(tmp_path, make(LLAMA_3, eos="<|eot_id|>", pad="<|eot_id|>"))
    before = contents(folder)
    fix = fix_tokenizer(folder)
    assert fix.repair.token == LLAMA_3_PAD
    assert not fix.written
    assert "nothing is written yet" in str(fix)
    assert contents(folder) == before


def test_write_repairs_the_files_and_keeps_the_old_ones(tmp_path):
    folder = save(tmp_path, make(LLAMA_3, eos="<|eot_id|>", pad="<|eot_id|>"))
    before = contents(folder)
    fix = fix_tokenizer(folder, write=True)
    after = load_plain(folder)
    assert after.pad_token == LLAMA_3_PAD
    assert json.loads((folder / "config.json").read_text())["pad_token_id"] == after.pad_token_id
    for name in fix.files:
        assert (folder / f"{name}.before-fix").read_bytes() == before[name]
    assert fix_tokenizer(folder).repair is None


def test_a_new_token_is_written_into_the_table_with_its_id(tmp_path):
    tokenizer = make(["</s>"], eos="</s>", pad="</s>")
    folder = save(tmp_path, tokenizer, vocab_size=len(tokenizer) + 8)
    fix_tokenizer(folder, write=True)
    after = load_plain(folder)
    assert (after.pad_token, after.pad_token_id) == ("<|pad|>", len(tokenizer))
    assert after("Black Blue")["input_ids"] == tokenizer("Black Blue")["input_ids"]


def test_an_old_backup_is_never_overwritten(tmp_path):
    folder = save(tmp_path, make(LLAMA_3, eos="<|eot_id|>", pad="<|eot_id|>"))
    (folder / "config.json.before-fix").write_text("precious")
    before = contents(folder)
    with pytest.raises(UserError, match="move it away"):
        fix_tokenizer(folder, write=True)
    assert contents(folder) == before


def test_a_folder_without_a_tokenizer_is_named(tmp_path):
    with pytest.raises(UserError, match="has no tokenizer_config"):
        fix_tokenizer(tmp_path)


def test_stop_ids_and_rows_come_from_the_files_of_the_model(tmp_path):
    (tmp_path / "config.json").write_text('{"eos_token_id": 3, "vocab_size": 9}')
    (tmp_path / "generation_config.json").write_text('{"eos_token_id": [3, 5]}')
    assert model_facts(tmp_path) == ({3, 5}, 9)
    assert model_facts(tmp_path / "none") == (frozenset(), None)


def test_the_command_reports_first_and_writes_when_asked(tmp_path, capsys):
    folder = save(tmp_path, make(LLAMA_3, eos="<|eot_id|>", pad="<|eot_id|>"))
    main(["fix-tokenizer", str(folder)])
    assert "nothing is written yet" in capsys.readouterr().out
    main(["fix-tokenizer", str(folder), "--write"])
    assert "written, the old files are" in capsys.readouterr().out
    assert load_plain(folder).pad_token == LLAMA_3_PAD
