"""Signs of repetition and gibberish in one completion, from its tokens and its text.

Good programs repeat themselves too (indentation, rows of numbers): what counts is how a figure
stands to that of the run's own beginning.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LONGEST_PERIOD = 64  # tokens; what repeats in longer units shows in n-grams and compression


@dataclass(frozen=True, kw_only=True, slots=True)
class Repetition:
    """How much a completion repeats itself, in tokens."""

    unique_3grams: float  # different sequences of 3 tokens over all of them; 1 for fewer tokens
    unique_4grams: float
    top_4gram: float  # share of such sequences that only repeat the most frequent one; 0 for none
    loop: (
        float  # share of the tokens in the longest stretch that repeats a unit, see `longest_loop`
    )
    same_token: int  # longest run of one token


def repetition(token_ids: Sequence[int]) -> Repetition:
    """The figures of a completion."""
    ids_T = np.asarray(token_ids, dtype=np.int64)
    *_, threes, fours = ngram_counts(ids_T, 4)
    return Repetition(
        unique_3grams=_unique(threes),
        unique_4grams=_unique(fours),
        top_4gram=float((fours.max() - 1) / fours.sum()) if len(fours) else 0.0,
        loop=longest_loop(ids_T) / len(ids_T) if len(ids_T) else 0.0,
        same_token=_longest_run(ids_T[1:] == ids_T[:-1]) + 1 if len(ids_T) else 0,
    )


def ngram_counts(ids_T: npt.NDArray[np.int64], longest: int) -> list[npt.NDArray[np.int64]]:
    """How often each different sequence of 1, 2 … `longest` tokens occurs, an array a length.

    It is empty for a length beyond that of the tokens.
    """
    _, codes_T, counts = np.unique(ids_T, return_inverse=True, return_counts=True)
    found, longer_T = [counts], codes_T
    for _ in range(longest - 1):
        # Numbered anew each time, the codes stay below T² and are exact.
        longer_T = longer_T[:-1] * len(ids_T) + codes_T[len(codes_T) - len(longer_T) + 1 :]
        _, longer_T, counts = np.unique(longer_T, return_inverse=True, return_counts=True)
        found.append(counts)
    return found


def longest_loop(ids_T: npt.NDArray[np.int64], longest_period: int = LONGEST_PERIOD) -> int:
    """Length of the longest stretch in which a unit of up to `longest_period` tokens repeats.

    The unit occurs at least twice in full; 0 where nothing repeats so.
    """
    longest = 0
    for period in range(1, min(longest_period, len(ids_T) // 2) + 1):
        again = ids_T[period:] == ids_T[:-period]
        needed = max(period, longest - period + 1)
        if np.count_nonzero(again) >= needed and (run := _longest_run(again)) >= needed:
            longest = run + period
    return longest


def printable(text: str) -> float:
    """Share of the characters that are printable ASCII or white space; 1 for an empty text."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    if not len(codes):
        return 1.0
    good = ((codes >= 32) & (codes < 127)) | ((codes >= 9) & (codes <= 13))
    return float(good.mean())


def compression(text: str) -> float | None:
    """Bytes of the text after zlib over those before; None for an empty text.

    A loop takes it towards 0, noise towards 1 and, where the text is short, above.
    """
    data = text.encode("utf-8", "surrogatepass")
    return len(zlib.compress(data)) / len(data) if data else None


def _unique(counts: npt.NDArray[np.int64]) -> float:
    return float(len(counts) / counts.sum()) if len(counts) else 1.0


def _longest_run(true_T: npt.NDArray[np.bool_]) -> int:
    """Most true values one after the other."""
    breaks = np.flatnonzero(~true_T)
    if not len(breaks):
        return len(true_T)
    between = int(np.diff(breaks).max()) - 1 if len(breaks) > 1 else 0
    return max(int(breaks[0]), between, len(true_T) - 1 - int(breaks[-1]))
