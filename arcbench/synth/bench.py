"""`python -m arcbench.synth.bench`: tasks a second with all checks, and why drafts are thrown away.

A warm-up comes first: a process compiles the programs of its first few hundred tasks anew.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence

from arcbench.sandbox.pool import usable_cores
from arcbench.synth.checks import Fault
from arcbench.synth.config import MAX_PROMPT_TOKENS, SynthConfig
from arcbench.synth.generate import SynthTask, generate
from arcbench.synth.statistics import prompt_tokens
from arcbench.synth.stream import Left, tasks


def _tokens(index: int, item: SynthTask) -> int:
    return prompt_tokens(item.task)


def main(argv: Sequence[str] | None = None) -> None:
    """Print tasks a second on all cores and on one, prompt tokens a task, faults, look-alikes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=6000)
    parser.add_argument("--workers", type=int, default=usable_cores())
    parser.add_argument("--max-prompt-tokens", type=int, default=MAX_PROMPT_TOKENS)
    options = parser.parse_args(argv)
    config = SynthConfig(max_prompt_tokens=options.max_prompt_tokens)

    left = Left()
    warm = min(1000, options.n // 4)
    stream = tasks(0, options.n, encode=_tokens, config=config, workers=options.workers, left=left)
    lengths: list[int] = []
    start = 0.0
    for _, length in stream:
        lengths.append(length)
        if len(lengths) == warm:
            start = time.perf_counter()
    seconds = time.perf_counter() - start
    mean = sum(lengths) / len(lengths)
    _say(f"{options.workers} workers: {(options.n - warm) / seconds:,.0f} tasks/s")
    _say(f"prompt: {mean:,.0f} tokens a task, longest {max(lengths):,}")
    _say(f"look-alikes: {left.look_alikes} among {options.n:,}; raised: {len(left.raised)}")

    number = max(1, options.n // 6)
    faults: Counter[Fault] = Counter()
    start = time.process_time()
    for index in range(number):
        generate(1, index, config, faults)
    _say(f"one process: {number / (time.process_time() - start):,.0f} tasks a CPU second")
    for fault, count in faults.most_common():
        _say(f"  {count / number:6.1%} of the tasks' number thrown away: {fault.value}")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    main()
