from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arcbench.grids import COLOR_NAMES
from arcbench.policies.chat import ChatTokenizer
from arcbench.prompts import PromptTemplate
from arcbench.synth.generate import generate
from arcbench.training.pretrain_data import DocumentEncoder
from arcbench.training.tokenizer import (
    VOCAB_SIZE,
    build_tokenizer,
    check_room,
    helper_names,
    load_tokenizer,
    template_pieces,
)

TEMPLATE = PromptTemplate.load("arcbench")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("tokenizer")
    build_tokenizer().save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def tokenizer(folder):
    return load_tokenizer(folder)


def encode(tokenizer, text):
    return tokenizer(text, add_special_tokens=False)["input_ids"]


ODD_TEXT = st.lists(
    st.one_of(
        st.text(max_size=12),
        st.sampled_from(
            [*COLOR_NAMES, " Blue", "\n", " ", "```", "def transform(grid):", "<|eos|"]
        ),
    )
).map("".join)


@settings(max_examples=300, deadline=None)
@given(text=ODD_TEXT)
def test_any_text_comes_back_from_its_tokens(tokenizer, text):
    text = text.encode("utf-8", "ignore").decode()
    assert tokenizer.decode(encode(tokenizer, text), clean_up_tokenization_spaces=False) == text


def test_a_colour_is_one_token_first_in_a_row_or_not_and_so_is_a_newline(tokenizer):
    text = "\n".join([" ".join(COLOR_NAMES), " ".join(COLOR_NAMES[::-1])])
    assert len(encode(tokenizer, text)) == 10 + 1 + 10


def test_helpers_colours_in_code_and_fixed_sentences_are_one_token(tokenizer):
    names = helper_names()
    assert "Color.RED" in names
    assert "flip_horizontal" in names
    for text in [*names, *template_pieces(TEMPLATE)]:
        assert len(encode(tokenizer, text)) == 1, text


def test_bos_eos_and_pad_are_different_and_padding_is_left(tokenizer):
    special = {tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id}
    assert len(special - {None}) == 3
    assert tokenizer.padding_side == "left"
    assert len(tokenizer) <= VOCAB_SIZE - 256


def test_too_many_helpers_are_refused():
    with pytest.raises(ValueError, match="rows"):
        check_room(VOCAB_SIZE - 255)


def test_a_continued_final_message_is_the_prompt_byte_for_byte(tokenizer):
    messages = TEMPLATE.messages(generate(0, 0).task)
    continued = tokenizer.apply_chat_template(messages, continue_final_message=True, tokenize=False)
    assert continued == (
        f"<|bos|><|system|>{messages[0]['content']}<|user|>{messages[1]['content']}"
        f"<|assistant|>{messages[2]['content']}"
    )
    assert ChatTokenizer(tokenizer, "x").text(messages) == continued


def test_training_documents_are_what_the_chat_template_gives(tokenizer):
    encoder = DocumentEncoder(tokenizer)
    chat = ChatTokenizer(tokenizer, "x")
    for index in range(200):
        item = generate(5, index)
        messages = TEMPLATE.messages(item.task)
        code = TEMPLATE.completion(item.code)
        document = encoder.document(item)
        prompt = tokenizer.apply_chat_template(
            messages, continue_final_message=True, return_dict=False
        )
        whole = [
            *messages[:-1],
            {"role": "assistant", "content": messages[-1]["content"] + code},
        ]
        ids = tokenizer.apply_chat_template(whole, return_dict=False)
        assert document.ids.tolist() == ids
        assert prompt == chat.ids(messages) == ids[: len(prompt)]
        assert ids[len(prompt) :] == [*encode(tokenizer, code), tokenizer.eos_token_id]


def test_only_programs_and_outputs_after_the_first_pair_have_a_loss(tokenizer):
    item = generate(5, 1)
    document = DocumentEncoder(tokenizer).document(item)
    code = TEMPLATE.completion(item.code) + tokenizer.eos_token
    assert tokenizer.decode(document.ids[document.kinds == 2]) == code
    outputs = [TEMPLATE.grid.write(pair.output) for pair in item.task.train[1:]]
    assert tokenizer.decode(document.ids[document.kinds == 1]) == "".join(outputs)
