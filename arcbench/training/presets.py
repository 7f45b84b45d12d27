"""Settings of whole experiments that come with arcbench, by name.

A preset is a TOML file in `arcbench/presets/`: settings as in any file for `--config`, and a line
`about` for people.
"""

import tomllib
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any

from arcbench.errors import UserError, unknown
from arcbench.training.config import TrainConfig
from arcbench.training.config_build import read_settings, with_changes

_ABOUT = "about"


def preset_names() -> list[str]:
    """All presets, in alphabetical order."""
    found = files("arcbench").joinpath("presets").iterdir()
    return sorted(f.name.removesuffix(".toml") for f in found if f.name.endswith(".toml"))


def read_preset(name: str) -> dict[str, Any]:
    """The settings of a preset, not checked yet; UserError for an unknown one."""
    data = _read(name)
    del data[_ABOUT]
    return data


def read_base(preset: str | None, config: Path | None) -> dict[str, Any]:
    """Settings from one source, not checked yet; neither given: none. UserError for both."""
    if preset is not None and config is not None:
        raise UserError("--preset and --config both give all settings: use one, and --set")
    if preset is not None:
        return read_preset(preset)
    return {} if config is None else read_settings(config)


def read_training(
    preset: str | None, config: Path | None, changes: Iterable[str], **options: Any
) -> TrainConfig:
    """The settings of a run: a preset or file, words like grpo.learning_rate=1e-5, and options.

    An option that is None changes nothing.
    """
    base = with_changes(read_base(preset, config), changes)
    return TrainConfig.from_dict(base | {k: v for k, v in options.items() if v is not None})


def _read(name: str) -> dict[str, Any]:
    if name not in preset_names():
        raise unknown("preset", name, preset_names())
    text = files("arcbench").joinpath("presets", f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


PRESET_HELP = (
    "settings of a whole experiment, which --set and other options override: "
    + "; ".join(f"{name} ({_read(name)[_ABOUT]})" for name in preset_names())
)
