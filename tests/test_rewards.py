import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcbench.errors import UserError
from arcbench.rewards import SCHEMES, RewardScheme, scheme
from arcbench.scoring import PairScore, Score


def pair(split="train", *, valid=True, exact=False, pixel=0.0):
    return PairScore(split=split, valid=valid, exact=exact, pixel=pixel, same_shape=valid)


pair_scores = st.builds(
    lambda split, kind, pixel: {
        "none": pair(split, valid=False),
        "wrong": pair(split, pixel=pixel),
        "right": pair(split, exact=True, pixel=1.0),
    }[kind],
    st.sampled_from(["train", "test"]),
    st.sampled_from(["none", "wrong", "right"]),
    st.floats(0, 0.99),
)
scores = st.lists(pair_scores, min_size=1, max_size=6).map(lambda ps: Score(pairs=tuple(ps)))


@given(
    scores,
    st.booleans(),
    st.integers(0, 10_000),
    st.sampled_from(sorted(SCHEMES)),
    st.sampled_from(["all", "train"]),
    st.sampled_from([0.0, 0.05]),
)
def test_the_parts_sum_to_the_total_and_stay_in_range(score, has_code, chars, name, pairs, length):
    chosen = scheme(name, pairs=pairs, length=length)
    breakdown = chosen.reward(has_code=has_code, score=score, code_chars=chars)
    low, high = chosen.range
    assert breakdown.total == pytest.approx(sum(breakdown.parts.values()))
    assert low - 1e-9 <= breakdown.total <= high + 1e-9


RIGHT = pair(exact=True, pixel=1.0)
WRONG = pair(pixel=0.5)
NONE = pair(valid=False)


@pytest.mark.parametrize(
    ("name", "has_code", "pairs", "total"),
    [
        ("staged", False, [NONE, NONE], 0.0),
        ("staged", True, [NONE, NONE], 1.0),
        ("staged", True, [WRONG, NONE], 2.0),
        ("staged", True, [RIGHT, WRONG], 2.5),
        ("staged", True, [RIGHT, RIGHT], 3.0),
        ("arc25-v1", False, [NONE, NONE], -1.0),
        ("arc25-v1", True, [NONE, NONE], 0.0),
        ("arc25-v1", True, [WRONG, NONE], 1.25),
        ("arc25-v1", True, [RIGHT, WRONG], 1 + 8 * 0.5 + 0.75),
        ("arc25-v1", True, [RIGHT, RIGHT], 10.0),
        ("arc25-v2", False, [NONE, NONE], -1.0),
        ("arc25-v2", True, [RIGHT, RIGHT], 9.0),
        ("arc25-v2", True, [WRONG, WRONG], 1.0),
    ],
)
def test_each_scheme_pays_its_stages(name, has_code, pairs, total):
    breakdown = SCHEMES[name].reward(has_code=has_code, score=Score(pairs=tuple(pairs)))
    assert breakdown.total == pytest.approx(total)


def test_the_range_of_arc25_v1_is_minus_one_to_ten():
    assert SCHEMES["arc25-v1"].range == (-1.0, 10.0)


def test_with_train_only_the_test_pair_earns_nothing():
    score = Score(pairs=(pair("train", pixel=0.2), pair("test", exact=True, pixel=1.0)))
    assert scheme("staged", pairs="train").reward(has_code=True, score=score).exact == 0
    assert scheme("staged").reward(has_code=True, score=score).exact == 0.5


def test_of_two_right_programs_the_shorter_earns_a_little_more():
    chosen = scheme("staged", length=0.05)
    short, long = (
        chosen.reward(has_code=True, score=Score(pairs=(RIGHT,)), code_chars=n) for n in (80, 800)
    )
    assert 0 < short.total - long.total < 0.05


def test_unknown_names_say_what_is_allowed():
    with pytest.raises(UserError, match=r"'staged2'; one of: staged, arc25-v1, arc25-v2"):
        scheme("staged2")
    with pytest.raises(UserError, match=r"'pixels'; one of: .*pixel"):
        scheme("staged", pixels=1.0)
    with pytest.raises(UserError, match=r"'test'; one of: all, train"):
        RewardScheme(pairs="test")
