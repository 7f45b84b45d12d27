"""The commands that check before a run: the tokenizer, prompt lengths, memory, the machine."""

from pathlib import Path

import tyro
from rich.console import Console

OUT = Console(soft_wrap=True, highlight=False)


def fix_tokenizer(path: tyro.conf.Positional[Path], /, write: bool = False) -> None:
    """Say what is wrong with the padding token of a model's folder, and repair it if asked.

    Args:
        path: the folder of the model or of its tokenizer.
        write: change the files; the old ones are kept beside them.
    """
    from arcbench.policies.padding import fix_tokenizer as fix

    OUT.print(str(fix(path, write=write)), markup=False)
