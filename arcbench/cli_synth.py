"""The commands around procedural tasks: written, trained on, measured on, compared with ARC."""

import time
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

from rich.box import SIMPLE_HEAD
from rich.table import Table

from arcbench.cli_common import ERR, OUT, progress
from arcbench.errors import UserError


def pretrain(
    out: Path,
    minutes: float | None = None,
    tokens: int | None = None,
    seed: int = 0,
    device: str = "auto",
    weights: Path | None = None,
    max_prompt_tokens: int = 3000,
    workers: int | None = None,
) -> None:
    """Train the embedded policy from nothing, on procedural tasks only; goes on where it was cut.

    Args:
        out: the folder of the model, and of the checkpoint while it is made.
        minutes: wall clock to spend, which the learning rates follow.
        tokens: or a number of tokens.
        seed: of the tasks and of the first weights.
        device: auto, cpu, cuda.
        weights: factors on the families' weights, a file of `arcbench synth-rates`.
        max_prompt_tokens: longest prompt of a task.
        workers: processes that make tasks; all cores but one where it is left out.
    """
    import logging

    from arcbench.training.build import prepare_libraries

    prepare_libraries()
    from arcbench.synth.config import read_weights
    from arcbench.training.pretrain import TASKS, PretrainConfig
    from arcbench.training.pretrain import pretrain as run

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    tasks = replace(
        TASKS,
        max_prompt_tokens=max_prompt_tokens,
        weights=() if weights is None else read_weights(weights),
    )
    config = PretrainConfig(
        out=out, minutes=minutes, tokens=tokens, seed=seed, device=device, workers=workers,
        tasks=tasks,
    )  # fmt: skip
    OUT.print(str(run(config)), markup=False)


def synth(
    out: Path,
    n: int = 1000,
    seed: int = 0,
    first: int = 0,
    families: tuple[str, ...] = (),
    weights: Path | None = None,
    max_prompt_tokens: int = 6000,
    style: tuple[str, ...] = (),
    format: Literal["problems", "chat"] = "problems",
    template: str = "arcbench",
    workers: int | None = None,
) -> None:
    """Write procedural tasks with the programs that solve them.

    A task depends on the seed and its index alone: `--first` goes on where another file ended.

    Args:
        out: the file to write, .jsonl or .jsonl.gz; it is whole or not there.
        n: tasks to write.
        seed: of the stream.
        first: the index to begin with; the command's last line names the next one.
        families: only these, e.g. --families "fill holes" recolor; left out: all.
        weights: factors on the families' weights, a file of `arcbench synth-rates`.
        max_prompt_tokens: longest prompt, counted as the embedded policy does, about a cell each.
        style: phrasings of the programs with their shares, e.g. --style short=0.7 barc=0.3; of
            short, described, barc, common, plain. Left out: short.
        format: problems (BARC's records, read back as a data set) or chat (messages to train on).
        template: with --format chat, the prompt's template or its TOML file.
        workers: processes; as many as cores where it is left out.
    """
    from arcbench.prompts import PromptTemplate
    from arcbench.synth.config import SynthConfig, parse_phrasings, read_weights
    from arcbench.synth.records import line, write_lines
    from arcbench.synth.stream import Left, tasks

    if n < 1 or first < 0 or seed < 0 or (workers is not None and workers < 0):
        raise UserError(
            f"--n {n} must be positive, --first {first}, --seed {seed} and --workers not negative"
        )
    config = SynthConfig(
        families=families,
        weights=() if weights is None else read_weights(weights),
        max_prompt_tokens=max_prompt_tokens,
        phrasings=parse_phrasings(_shares(style) or {"short": 1.0}),
    )
    form = PromptTemplate.load(template)
    left = Left()
    last = first
    with progress() as bar:
        done = bar.add_task("making tasks", total=n)

        def advance(index: int) -> None:
            nonlocal last
            last = index + 1
            bar.advance(done)

        lines = tasks(
            seed, n, encode=partial(line, form=format, template=form), first=first,
            config=config, workers=workers, left=left,
        )  # fmt: skip
        with closing(lines):
            number = write_lines(out, lines, advance)
    for raised in left.raised:
        ERR.print(f"left out: index {raised.index}: {raised.message}", markup=False)
    OUT.print(
        f"{out}: {number} tasks, seed {seed}, indices {first} to {last - 1}; "
        f"{left.look_alikes} that look like another one left out; go on with --first {last}",
        markup=False,
    )


def _shares(words: tuple[str, ...]) -> dict[str, float]:
    """`short=0.7` as {"short": 0.7}; a name alone has share 1."""
    found: dict[str, float] = {}
    for word in words:
        name, _, share = word.partition("=")
        try:
            found[name] = float(share or 1)
        except ValueError:
            raise UserError(f"--style {word}: a share is a number, as in {name}=0.5") from None
    return found


def synth_rates(
    out: Path,
    policy: str = "embedded",
    adapter: str | None = None,
    families: tuple[str, ...] = (),
    tasks: int = 4,
    samples: int = 2,
    temperature: float = 0.8,
    max_new_tokens: int = 96,
    template: str = "arcbench",
    seed: int | None = None,
    max_prompt_tokens: int = 1200,
    minutes: float | None = None,
    workers: int | None = None,
    weakest: int = 20,
) -> None:
    """Measure a policy on fresh tasks of each family; write rates and weights for a pretraining.

    Args:
        out: JSON to write; `arcbench pretrain --weights` and `arcbench synth --weights` read it.
        policy: as for sample.
        adapter: a LoRA adapter on top of it.
        families: only these; left out: all.
        tasks: fresh tasks a family.
        samples: programs a task.
        temperature: of the sampling.
        max_new_tokens: longest program.
        template: the prompt's template.
        seed: of the tasks and of the sampling; the default is far from those of trainings.
        max_prompt_tokens: longest prompt of the tasks.
        minutes: stop after about that time, with the families measured by then.
        workers: processes that run programs.
        weakest: rows of the table.
    """
    from arcbench.files import write_json
    from arcbench.judge import Judge
    from arcbench.policies import load_policy
    from arcbench.prompts import PromptTemplate
    from arcbench.rewards import scheme
    from arcbench.sandbox import SandboxPool
    from arcbench.synth.config import SynthConfig
    from arcbench.synth.rates import SEED, FamilyRate, family_rates, to_json
    from arcbench.synth.registry import families as known

    SynthConfig(families=families)  # refuses unknown names
    chosen = len(families) or len(known())
    form = PromptTemplate.load(template)
    model = load_policy(policy, adapter=adapter)
    rates: list[FamilyRate] = []
    started = time.monotonic()
    with SandboxPool(workers) as pool, progress() as bar:
        done = bar.add_task("measuring families", total=chosen)
        for rate in family_rates(
            model,
            Judge(pool=pool, scheme=scheme("staged")),
            tasks=tasks,
            samples=samples,
            names=families,
            seed=SEED if seed is None else seed,
            max_prompt_tokens=max_prompt_tokens,
            temperature=temperature,
            max_new_tokens=max_new_tokens,
            template=form,
        ):
            rates.append(rate)
            bar.advance(done)
            if minutes is not None and time.monotonic() - started > 60 * minutes:
                break
    write_json(out, to_json(rates, model.name))
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in ("family", "solved", "rate", "fits train only"):
        table.add_column(column, justify="left" if column == "family" else "right", no_wrap=True)
    for rate in sorted(rates, key=lambda r: r.rate)[:weakest]:
        table.add_row(
            rate.family, f"{rate.solved}/{rate.samples}", f"{rate.rate:.0%}", f"{rate.misled}"
        )
    OUT.print(table)
    solved, total = sum(r.solved for r in rates), sum(r.samples for r in rates)
    OUT.print(
        f"{out}: {len(rates)} of {chosen} families; "
        f"{solved} of {total} samples solve their task ({solved / total:.1%})"
    )


def synth_stats(
    out: Path,
    n: int = 2000,
    seed: int = 0,
    max_prompt_tokens: int = 6000,
    workers: int | None = None,
) -> None:
    """Draw procedural tasks beside ARC-AGI-1's training tasks: sizes, pairs, colours, objects.

    Args:
        out: the PNG or SVG to write.
        n: procedural tasks to measure.
        seed: of their stream.
        max_prompt_tokens: longest prompt.
        workers: processes; as many as cores where it is left out.
    """
    from arcbench.files import replacing
    from arcbench.plots_synth import statistics_chart
    from arcbench.synth.config import SynthConfig
    from arcbench.synth.statistics import MEASURES, arc_training, measured
    from arcbench.synth.stream import task_itself, tasks

    form = out.suffix.removeprefix(".")
    if form not in ("png", "svg"):
        raise UserError(f"{out} must end with .png or .svg")
    config = SynthConfig(max_prompt_tokens=max_prompt_tokens)
    arc = arc_training()
    with progress() as bar:
        done = bar.add_task("measuring", total=n)
        items = tasks(seed, n, encode=task_itself, config=config, workers=workers)
        ours = measured("procedural", (item.task for _, item in bar.track(items, task_id=done)))
    with replacing(out) as file:
        statistics_chart(arc, ours).savefig(file, format=form, dpi=110)
    for measure in MEASURES:
        OUT.print(f"{measure:<22} total variation {arc.distance(ours, measure):.3f}")
