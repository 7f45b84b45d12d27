"""The small policy that comes with arcbench."""

from pathlib import Path

from arcbench.errors import UserError

NAME = "arcbench-16m"


def path() -> Path:
    """Its folder, `res/models/arcbench-16m` beside the package; it may lack the weights."""
    return Path(__file__).resolve().parents[2] / "res" / "models" / NAME


def checked_path() -> Path:
    """`path()`; raises UserError if there is no model in it."""
    folder = path()
    if not (folder / "config.json").is_file():
        raise UserError(
            f"the embedded policy has no weights in {folder}: "
            f"get them with a clone of the repository, or make them with "
            f"arcbench pretrain --out {folder}"
        )
    return folder
