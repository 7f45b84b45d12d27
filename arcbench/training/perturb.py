"""Changes trained weights on purpose, and puts them back bit for bit."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

ZERO_SCALE = 0.02  # what counts as the size of a tensor of zeros: a fresh adapter's second half


@contextmanager
def perturbed(parameters: Sequence[Any], *, seed: int) -> Iterator[Callable[[float], None]]:
    """Yields a function that sets the parameters to themselves plus noise of a relative size.

    At the end they are restored bit for bit. Keeps a copy of them on the CPU.
    """
    import torch

    saved = [p.detach().to("cpu", copy=True) for p in parameters]

    def scale_to(scale: float) -> None:
        with torch.no_grad():
            for i, (p, was) in enumerate(zip(parameters, saved, strict=True)):
                # On the CPU, so that every process draws the same whatever its device is.
                generator = torch.Generator().manual_seed(seed * 1_000_003 + i)
                noise = torch.randn(p.shape, generator=generator, dtype=torch.float32)
                size = float(was.float().pow(2).mean().sqrt()) or ZERO_SCALE
                p.data.copy_((was.float() + scale * size * noise).to(was.dtype))

    try:
        yield scale_to
    finally:
        with torch.no_grad():
            for p, was in zip(parameters, saved, strict=True):
                p.data.copy_(was)
                if not torch.equal(p.detach().to("cpu"), was):
                    raise RuntimeError("a parameter could not be restored after the sync proof")


def proof_parameters(model: Any, *, seed: int = 0, max_bytes: int = 2**30) -> list[Any]:
    """Trained tensors to change in the proof: all of an adapter; of a large model, a drawn part."""
    trained = [p for p in model.parameters() if p.requires_grad]
    order = np.random.default_rng(seed).permutation(len(trained))
    chosen: list[int] = []
    total = 0
    for i in order:
        size = trained[i].numel() * trained[i].element_size()
        if not chosen or total + size <= max_bytes:
            chosen.append(int(i))
            total += size
    return [trained[i] for i in sorted(chosen)]
