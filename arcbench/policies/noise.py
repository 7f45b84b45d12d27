"""The noise of many samples at once: the numbers of one `numpy.random.default_rng` a sample.

Making a generator takes longer than a small policy takes for the sample. The steps are those of
numpy's SeedSequence and PCG64, which it promises not to change.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Words: TypeAlias = npt.NDArray[np.uint32]  # (rows,)
Halves: TypeAlias = npt.NDArray[np.uint64]
Wide: TypeAlias = tuple[Halves, Halves]  # numbers of 128 bits: their upper and their lower halves

_CHUNK = 1 << 18  # numbers at a time, so that what lies between fits into a cache
_POOL = 4  # words
_INIT_A, _MULT_A = 0x43B0D7E5, 0x931E8875
_INIT_B, _MULT_B = 0x8B51F9DD, 0x58F38DED
_MIX_LEFT, _MIX_RIGHT = np.uint32(0xCA01F9DD), np.uint32(0x4973F715)
_MULTIPLIER = 0x2360ED051FC65DA44385DF649FCCF645
_LOW = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)


def uniform(
    seed: int, prompts: npt.NDArray[np.int64], samples: npt.NDArray[np.int64], steps: int
) -> npt.NDArray[np.float32]:
    """Numbers in [0, 1) (rows, steps), of row r those of `default_rng([seed, prompts[r],
    samples[r]]).random(steps, dtype=float32)`; the indices are under 2**32.
    """
    if seed < 0:
        raise ValueError(f"a seed is not negative, this is {seed}")
    found = np.empty((len(prompts), steps), dtype=np.float32)
    rows = max(1, _CHUNK // max(1, steps))
    for first in range(0, len(prompts), rows):
        part = slice(first, first + rows)
        indices = (prompts[part].astype(np.uint32), samples[part].astype(np.uint32))
        found[part] = _drawn(*_seeded(seed, *indices), steps)
    return found


def _seeded(seed: int, *indices: Words) -> tuple[Wide, Wide]:
    """Initial state and sequence of PCG64 for each row, by SeedSequence."""
    rows = len(indices[0])
    words = [seed >> shift & 0xFFFFFFFF for shift in range(0, max(1, seed.bit_length()), 32)]
    entropy = [np.full(rows, word, dtype=np.uint32) for word in words] + list(indices)
    entropy += [np.zeros(rows, dtype=np.uint32)] * (_POOL - len(entropy))
    constants = _constants(_INIT_A, _MULT_A)
    pool = [_hashed(word, constants) for word in entropy[:_POOL]]
    for source in range(_POOL):
        for target in range(_POOL):
            if source != target:
                pool[target] = _mixed(pool[target], _hashed(pool[source], constants))
    for word in entropy[_POOL:]:
        for target in range(_POOL):
            pool[target] = _mixed(pool[target], _hashed(word, constants))
    constants = _constants(_INIT_B, _MULT_B)
    state = [_hashed(pool[i % _POOL], constants).astype(np.uint64) for i in range(2 * _POOL)]
    upper, lower, sequence_upper, sequence_lower = (
        low | high << _32 for low, high in zip(state[::2], state[1::2], strict=True)
    )
    return (upper, lower), (sequence_upper, sequence_lower)


def _constants(first: int, factor: int) -> Iterator[tuple[np.uint32, np.uint32]]:
    """Those of SeedSequence's hash: what a word is combined with, and what it is multiplied by."""
    while True:
        after = first * factor & 0xFFFFFFFF
        yield np.uint32(first), np.uint32(after)
        first = after


def _hashed(word: Words, constants: Iterator[tuple[np.uint32, np.uint32]]) -> Words:
    before, factor = next(constants)
    found: Words = (word ^ before) * factor
    return found ^ found >> np.uint32(16)


def _mixed(one: Words, other: Words) -> Words:
    found: Words = one * _MIX_LEFT - other * _MIX_RIGHT
    return found ^ found >> np.uint32(16)


def _drawn(state: Wide, sequence: Wide, steps: int) -> npt.NDArray[np.float32]:
    """What PCG64 gives from there: (rows, steps), two numbers of each of its outputs."""
    one = np.uint64(1)
    increment = (sequence[0] << one | sequence[1] >> np.uint64(63), sequence[1] << one | one)
    first = _plus(state, increment)
    of_first, of_increment = _jumps(-(-steps // 2))
    upper, lower = _plus(_times(first, of_first), _times(increment, of_increment))
    turn = upper >> np.uint64(58)
    mixed = upper ^ lower
    output = mixed >> turn | mixed << (-turn & np.uint64(63))
    halves = np.stack((output & _LOW, output >> _32), axis=-1).reshape(len(output), -1)
    numbers: npt.NDArray[np.float32] = (halves[:, :steps] >> np.uint64(8)).astype(np.float32)
    return numbers * np.float32(2**-24)


@lru_cache(maxsize=8)
def _jumps(outputs: int) -> tuple[Wide, Wide]:
    """What initial state and increment are multiplied by, for the state behind each output."""
    power, total = _MULTIPLIER, 1
    of_first, of_increment = [], []
    for _ in range(outputs):
        power, total = power * _MULTIPLIER % 2**128, (total + power) % 2**128
        of_first.append(power)
        of_increment.append(total)
    return _halves(of_first), _halves(of_increment)


def _halves(numbers: list[int]) -> Wide:
    upper = np.array([n >> 64 for n in numbers], dtype=np.uint64)
    return upper, np.array([n & (2**64 - 1) for n in numbers], dtype=np.uint64)


def _plus(one: Wide, other: Wide) -> Wide:
    lower = one[1] + other[1]
    return one[0] + other[0] + (lower < one[1]), lower


def _times(of_rows: Wide, of_outputs: Wide) -> Wide:
    """The products (rows, outputs), modulo 2**128."""
    (upper, lower), (other_upper, other_lower) = of_rows, of_outputs
    upper, lower = upper[:, None], lower[:, None]
    a, b = lower & _LOW, lower >> _32
    c, d = other_lower & _LOW, other_lower >> _32
    middle = b * c + (a * c >> _32)
    high = b * d + (middle >> _32) + (a * d + (middle & _LOW) >> _32)
    return high + upper * other_lower + lower * other_upper, lower * other_lower
