"""The commands that turn what a run trained into a plain folder."""

from pathlib import Path

import tyro
from rich.console import Console

from arcbench.training.merging import Dtype

OUT = Console(soft_wrap=True, highlight=False)
ERR = Console(stderr=True, soft_wrap=True, highlight=False)


def merge(
    policy: tyro.conf.Positional[str],
    /,
    out: Path,
    base: str | None = None,
    dtype: Dtype = "base",
) -> None:
    """Work a LoRA adapter into its base: one model that loads with plain transformers or vLLM.

    The written model is read back and its log-probabilities are compared with the adapter's; where
    they differ by more than rounding, nothing is left.

    Args:
        policy: a run, a checkpoint of one, or the folder of an adapter.
        out: a new folder.
        base: another model below the adapter than the one that it names.
        dtype: of the merged weights; base: that of the base model.
    """
    from arcbench.training.build import prepare_libraries
    from arcbench.training.merging import merge as run

    prepare_libraries()
    with ERR.status("merging") as status:
        merged = run(policy, out, base=base, dtype=dtype, say=status.update)
    OUT.print(str(merged), markup=False)
    for note in merged.notes:
        ERR.print(note, markup=False, style="yellow")


def export(policy: tyro.conf.Positional[str], /, out: Path) -> None:
    """Copy what a run trained, an adapter or all weights, with tokenizer, template and a card.

    Args:
        policy: a run, of which the newest whole checkpoint is taken, or a checkpoint of one.
        out: a new folder.
    """
    from arcbench.training.exporting import export as run

    exported = run(policy, out)
    OUT.print(str(exported), markup=False)
    for note in exported.notes:
        ERR.print(note, markup=False, style="yellow")
