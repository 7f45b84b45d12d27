"""Muon for many small matrices: those of one shape are updated by one batched product.

The same rule as `torch.optim.Muon` (which goes matrix by matrix, some 1,500 kernels a step here):
Keller Jordan's Muon, https://kellerjordan.github.io/posts/muon/.
"""

from collections.abc import Iterable
from typing import Any

import torch  # noqa: TID253
from torch import Tensor  # noqa: TID253

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
NEWTON_SCHULZ_STEPS = 5


class Muon(torch.optim.Optimizer):
    """Momentum, orthogonalised: each update has singular values near 1, times the rate.

    A matrix with more rows than columns takes larger steps, by the root of their ratio.
    """

    def __init__(
        self, params: Iterable[Tensor], *, lr: float, weight_decay: float, momentum: float = 0.95
    ) -> None:
        defaults = {"lr": lr, "weight_decay": weight_decay, "momentum": momentum}
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """One update of all matrices that have a gradient."""
        for group in self.param_groups:
            by_shape: dict[tuple[int, ...], list[Tensor]] = {}
            for parameter in group["params"]:
                if parameter.grad is not None:
                    by_shape.setdefault(tuple(parameter.shape), []).append(parameter)
            for matrices in by_shape.values():
                self._update(matrices, group)

    def _update(self, matrices: list[Tensor], group: dict[str, Any]) -> None:
        grads = [matrix.grad for matrix in matrices if matrix.grad is not None]
        for matrix in matrices:
            if "momentum" not in self.state[matrix]:
                self.state[matrix]["momentum"] = torch.zeros_like(matrix)
        momenta = [self.state[matrix]["momentum"] for matrix in matrices]
        torch._foreach_lerp_(momenta, grads, 1 - group["momentum"])
        nesterov = torch._foreach_lerp(grads, momenta, group["momentum"])
        updates = orthogonalised(torch.stack(list(nesterov)).bfloat16())
        rows, columns = matrices[0].shape
        rate = group["lr"] * max(1.0, rows / columns) ** 0.5
        torch._foreach_mul_(matrices, 1 - group["lr"] * group["weight_decay"])
        steps = list(updates.to(matrices[0].dtype).unbind())
        torch._foreach_add_(matrices, steps, alpha=-rate)


def orthogonalised(x: Tensor) -> Tensor:
    """Nearly the closest matrices (n, rows, columns) with orthonormal rows or columns."""
    a, b, c = COEFFICIENTS
    is_tall = x.shape[1] > x.shape[2]
    if is_tall:
        x = x.mT
    # With a spectral norm of at most 1 the iteration converges.
    x = x / x.float().norm(dim=(1, 2), keepdim=True).clamp(min=1e-7).to(x.dtype)
    for _ in range(NEWTON_SCHULZ_STEPS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if is_tall else x
