"""What the name of a policy stands for: a model, and an adapter on top of it if it has one.

Only names and small files are looked at here; no weights are read and nothing heavy is loaded.
"""

import json
import socket
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from arcbench.errors import MissingExtra, UserError, unknown
from arcbench.policies import embedded
from arcbench.policies.adapter import CONFIG as ADAPTER_CONFIG
from arcbench.policies.adapter import Adapter

BARC = "barc0/Llama-3.1-ARC-Potpourri-Induction-8B"
NAMES = {"barc": BARC}  # short names of models on the hub
TEMPLATE = "prompt_template.toml"  # beside exported weights: the wording of their prompts
WHOLE = "whole.json"  # in a checkpoint of a run, written when all of it is there
ALLOWED = (
    "embedded",
    "a folder with a model",
    "the folder of a run or of an adapter",
    f"a hub id (owner/name, or {', '.join(NAMES)})",
    "the address of a server (http://host:port/v1), or several with commas between",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicySource:
    """Where the parts of a policy are."""

    name: str  # what it is called in tables
    model: str  # folder or hub id, for `from_pretrained`
    adapter: Path | None = None  # folder of the LoRA adapter on top


def resolve(spec: str, *, adapter: str | None = None) -> PolicySource:
    """The parts of the policy `spec`; a run's folder stands for its newest whole checkpoint.

    With `adapter`, the folder of one or of a run, `spec` is the model below it. UserError for any
    other name, for a half-written checkpoint, and where an adapter's base model is not here.
    """
    place = Path(pinned(spec))
    if not _is_adapter(place):
        source = PolicySource(name=_name(spec, place), model=_whole_model(spec, place))
        if adapter is None:
            return source
        folder = adapter_folder(adapter)
        return replace(source, name=_name(adapter, folder), adapter=folder)
    if adapter is not None:
        raise UserError(f"{spec} has an adapter already, and {adapter} is a second one")
    return PolicySource(name=_name(spec, place), model=_base(Adapter.read(place)), adapter=place)


def model_path(spec: str) -> str:
    """The folder or hub id of a whole model, to give to `from_pretrained`.

    Raises UserError for any other name, and for an adapter.
    """
    place = Path(pinned(spec))
    if _is_adapter(place):
        raise UserError(
            f"{spec} is an adapter, not a whole model: train on with policy.adapter = {spec} and "
            f"its base as policy.model, or make a model of both: arcbench merge {spec} --out FOLDER"
        )
    return _whole_model(spec, place)


def adapter_folder(spec: str) -> Path:
    """The folder with the files of an adapter, of a run or a checkpoint its newest whole one's."""
    place = Path(pinned(spec))
    if _is_adapter(place):
        return place
    if not place.is_dir():
        raise UserError(
            f"no adapter in {spec!r}: there is no such folder; one of the hub is downloaded first: "
            "hf download with --local-dir FOLDER"
        )
    if run_of(place) is not None:
        raise UserError(f"{spec} trained all weights, no adapter: go on with policy.model = {spec}")
    raise UserError(f"no adapter in {spec!r}: it has no {ADAPTER_CONFIG}")


def template_of(spec: str, *, adapter: str | None = None) -> str | None:
    """The template that a policy was trained with, a name or a TOML file; None if nobody tells.

    A run's settings tell it, and the file beside exported weights. An adapter knows better than
    the model below it.
    """
    if adapter is not None and (told := template_of(adapter)) is not None:
        return told
    place = Path(pinned(spec))
    run = run_of(place)
    if run is not None:
        return str(_settings(run)["policy"]["template"])
    beside = place / TEMPLATE
    return str(beside) if spec and beside.is_file() else None


def pinned(spec: str) -> str:
    """The newest whole checkpoint where `spec` is the folder of a run, else `spec` itself.

    UserError for a run without one, and for a checkpoint of a run that is not whole.
    """
    place = Path(spec)
    if spec and _is_run(place):
        newest = newest_checkpoint(place / "checkpoints")
        if newest is None:
            raise UserError(f"run {spec} has no whole checkpoint yet, so no trained policy")
        return str(newest)
    if run_of(place) is not None and place.is_dir() and not (place / WHOLE).is_file():
        raise UserError(f"checkpoint {spec} is not whole: its run was killed while it was written")
    return spec


def newest_checkpoint(checkpoints: Path) -> Path | None:
    """The newest checkpoint in the folder that was written to its end."""
    found = [p.parent for p in checkpoints.glob(f"checkpoint-*/{WHOLE}")]
    return max(found, key=step_of) if found else None


def step_of(checkpoint: Path) -> int:
    """The number of optimiser steps behind a checkpoint."""
    return int(checkpoint.name.removeprefix("checkpoint-"))


def run_of(checkpoint: Path) -> Path | None:
    """The folder of the run that a checkpoint belongs to; None for any other folder."""
    checkpoint = checkpoint.absolute()
    inside = checkpoint.name.startswith("checkpoint-") and checkpoint.parent.name == "checkpoints"
    run = checkpoint.parent.parent
    return run if inside and _is_run(run) else None


def same_model(one: str, other: str) -> bool:
    """Whether two names given to `from_pretrained` mean the same model, as far as names tell."""
    return _identity(one) == _identity(other)


def is_server(spec: str) -> bool:
    """Whether the name of a policy is the address of a server, or of several."""
    return spec.startswith(("http://", "https://"))


def addresses(spec: str) -> list[str]:
    """The addresses of servers, with commas between them; UserError for anything else there."""
    found = [address.strip() for address in spec.split(",")]
    for address in found:
        if not is_server(address):
            raise UserError(f"policy {spec!r}: {address!r} is no address (http://host:port/v1)")
    return found


def _is_run(folder: Path) -> bool:
    # A model's folder has a config.json, too.
    return (folder / "status.json").is_file() and (folder / "config.json").is_file()


def _settings(run: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((run / "config.json").read_text(encoding="utf-8"))
    return value


def _is_adapter(folder: Path) -> bool:
    return (folder / ADAPTER_CONFIG).is_file()


def _name(spec: str, place: Path) -> str:
    if spec == "embedded":
        return embedded.NAME
    run = run_of(place)
    return place.name if run is None else f"{run.name}@{step_of(place)}"


def _identity(name: str) -> str:
    path = Path(NAMES.get(name, name))
    for part in path.parts:  # a folder of the hub's cache: models--owner--name/snapshots/…
        if part.startswith("models--"):
            return part.removeprefix("models--").replace("--", "/")
    if path.name == embedded.NAME:
        return "embedded"
    return str(path.resolve()) if path.exists() else str(path)


def _base(adapter: Adapter) -> str:
    """The model below an adapter: its run says which, or the adapter itself."""
    run = run_of(adapter.folder)
    name = adapter.base
    if run is not None:
        name = str(_settings(run)["policy"]["model"])
    elif not Path(name).exists() and Path(name).name == embedded.NAME:
        name = "embedded"  # of another checkout
    try:
        return model_path(name)
    except UserError as error:
        raise UserError(
            f"adapter {adapter.folder} belongs on top of {name!r}, which is not here: {error}"
        ) from error


def _whole_model(spec: str, place: Path) -> str:
    if spec == "embedded":
        return str(embedded.checked_path())
    if spec and (place / "config.json").is_file():
        return str(place)
    hub_id = NAMES.get(spec, spec)
    parts = hub_id.split("/")
    if spec and place.exists():
        raise UserError(
            f"no policy in {spec!r}: it has neither config.json nor {ADAPTER_CONFIG}, and is no run"
        )
    if len(parts) != 2 or not all(parts) or parts[0] in (".", "..", "~"):
        raise unknown("policy", spec, ALLOWED)
    _check_hub(hub_id)
    return hub_id


def _check_hub(hub_id: str) -> None:
    """UserError where a model is not in the hub's cache and the hub does not answer.

    transformers would find that out, too, after a minute of retries.
    """
    try:
        from huggingface_hub import constants, try_to_load_from_cache
    except ModuleNotFoundError as error:
        raise MissingExtra("a policy that runs here", "train") from error
    if isinstance(try_to_load_from_cache(hub_id, "config.json"), str):
        return
    if constants.HF_HUB_OFFLINE or not _answers(constants.ENDPOINT):
        copied = f"models--{hub_id.replace('/', '--')}"
        raise UserError(
            f"policy {hub_id!r} is no folder here, not in the hub's cache "
            f"{constants.HF_HUB_CACHE} (HF_HOME moves it), and the hub cannot be reached; where it "
            f"can: hf download {hub_id}, and copy {copied} from the cache there to the one here; "
            "or add --local-dir FOLDER, copy that, and name it as the policy; other policies: "
            + ", ".join(ALLOWED)
        )


def _answers(address: str) -> bool:
    url = urlsplit(address)
    try:
        with socket.create_connection((url.hostname or "", url.port or 443), timeout=5):
            return True
    except OSError:
        return False
