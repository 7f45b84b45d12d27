"""The form of the tab "Sample": what the reader typed becomes a policy and sampling settings."""

from arcbench.errors import UserError
from arcbench.policies.base import SamplingConfig
from arcbench.policies.server import Server
from arcbench.policies.sources import addresses, is_server, resolve
from arcbench.ui.events import number, whole
from arcbench.workbench import Workbench

MAX_COMPLETIONS = 256  # on one page
MAX_SEED = 2**31 - 1
LOOK_S = 5.0  # how long a server is waited for


def specs(bench: Workbench) -> list[str]:
    """The policies to offer: what was trained here after what was there before."""
    return [*bench.policies(), *bench.trained()]


def policy(bench: Workbench, typed: str | None) -> str:
    """The policy that was chosen or typed, a run also by its name alone.

    UserError, before anything is loaded, for one that is not there and for a server that is silent.
    """
    spec = (typed or "").strip()
    if not spec:
        raise UserError(
            "choose a policy, or type one: a model's folder, a run, a hub id (owner/name), or the "
            "address of a server (http://host:port/v1)"
        )
    spec = {store.name: str(store.path) for store in bench.runs()}.get(spec, spec)
    if is_server(spec):
        _ask(spec)
    else:
        resolve(spec)
    return spec


def _ask(spec: str) -> None:
    """UserError if none of the servers answers."""
    for url in addresses(spec):
        if Server(url, api_key=None, timeout_s=LOOK_S, patience_s=0).look():
            return
    raise UserError(
        f"no model server answers at {spec}. Start one (arcbench serve prints its address), or "
        "mend the address: it has host and port, and mostly ends with /v1, as in "
        "http://127.0.0.1:8000/v1"
    )


def settings(
    completions: float | None,
    temperature: float | None,
    top_p: float | None,
    max_new_tokens: float | None,
    seed: float | None,
) -> SamplingConfig:
    """How completions are drawn; UserError names the field that does not fit."""
    share = number(top_p, "Top-p", 0, 1)
    if share == 0:
        raise UserError("Top-p must be above 0 and at most 1 (1 cuts nothing off), not 0")
    return SamplingConfig(
        n=whole(completions, "Completions", 1, MAX_COMPLETIONS),
        temperature=number(temperature, "Temperature", 0, 10),
        top_p=share,
        max_new_tokens=whole(max_new_tokens, "Max new tokens", 1),
        seed=whole(seed, "Seed", 0, MAX_SEED),
    )
