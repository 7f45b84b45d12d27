"""Packs of documents as the tensors of one training step."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch  # noqa: TID253
from torch import Tensor  # noqa: TID253

from arcbench.training.llama import Spans
from arcbench.training.pretrain_data import GRID_LOSS, NO_LOSS, PROGRAM_LOSS, Pack


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """One step's packs on the device."""

    ids: Tensor  # (tokens,)
    positions: Tensor  # (tokens,) within the document, some with gaps
    spans: Spans
    where: Tensor  # (targets,) the positions whose next token counts
    targets: Tensor  # (targets,)
    is_program: Tensor  # (targets,) 1.0 or 0.0
    num_tokens: int  # without padding


def make_batch(packs: list[Pack], device: torch.device) -> Batch:
    """The packs behind one another, with the targets of the loss."""
    ids = np.concatenate([pack.ids for pack in packs]).astype(np.int64)
    kinds = np.concatenate([pack.kinds for pack in packs])
    lengths = np.concatenate([pack.lengths for pack in packs])
    edges = np.concatenate(([0], np.cumsum(lengths))).astype(np.int32)
    positions = np.concatenate([pack.positions for pack in packs]).astype(np.int64)
    # Token i predicts token i + 1; a document's first token has no loss, so none crosses over.
    where = np.flatnonzero(kinds[1:] != NO_LOSS)
    kept = kinds[where + 1]
    assert set(np.unique(kept)) <= {GRID_LOSS, PROGRAM_LOSS}
    on_gpu = device.type == "cuda"

    def move(array: Any) -> Tensor:
        tensor = torch.from_numpy(np.ascontiguousarray(array))
        return tensor.pin_memory().to(device, non_blocking=True) if on_gpu else tensor

    edges_t = move(edges)
    if on_gpu:
        # The number of documents changes with every batch.
        torch._dynamo.mark_dynamic(edges_t, 0)
    longest = 4096
    while longest < int(lengths.max()):
        longest *= 2  # few different values: a kernel is compiled for each
    # A GPU's kernel reads the edges; plain numbers would be compiled in.
    spans = Spans(edges=edges_t, longest=longest, lengths=() if on_gpu else tuple(lengths.tolist()))
    return Batch(
        ids=move(ids),
        positions=move(positions),
        spans=spans,
        where=move(where),
        targets=move(ids[where + 1]),
        is_program=move((kept == PROGRAM_LOSS).astype(np.float32)),
        num_tokens=int(lengths.sum() - sum(_padding(pack) for pack in packs)),
    )


def _padding(pack: Pack) -> int:
    return int(pack.lengths[-1]) if not pack.kinds[-1] else 0
