"""The noise that samples are drawn with: that of one depends on no other's."""

import numpy as np
import numpy.typing as npt

_APART = 2**64  # numbers between the samples of a prompt: more than any of them has tokens


def uniform(
    seed: int, prompts: npt.NDArray[np.int64], samples: npt.NDArray[np.int64], steps: int
) -> npt.NDArray[np.float32]:
    """Numbers in [0, 1) (rows, steps); a row's come from the seed and its two indices alone.

    A prompt has one generator, and each of its samples a place in it: to make a generator takes
    longer than a small policy takes for a sample. More steps are the same numbers and some more.
    """
    found = np.empty((len(prompts), steps), dtype=np.float32)
    held = None
    for row, prompt, sample in zip(found, prompts.tolist(), samples.tolist(), strict=True):
        if prompt != held:
            held, at = prompt, 0
            bits = np.random.PCG64([seed, prompt])
            numbers = np.random.Generator(bits)
        bits.advance(sample * _APART - at)
        numbers.random(out=row, dtype=np.float32)
        at = sample * _APART + -(-steps // 2)  # two of them are made of each output
    return found
