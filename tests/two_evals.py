"""A workbench with two small evaluations: `before` is right once, `after` always."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from arcbench.evaluation import EvalConfig, evaluate
from arcbench.evaluation.store import EvalStore
from arcbench.policies import ScriptedPolicy
from arcbench.workbench import Workbench

TASKS = ("67a3c6ac", "68b16354")  # the first is a mirror
RIGHT = "```python\ndef transform(grid):\n    return grid[:, ::-1]\n```"
WRONG = "```python\ndef transform(grid):\n    return grid\n```"


@contextmanager
def evaluated(root: Path) -> Iterator[Workbench]:
    """The workbench on the folder `root`, with its evaluations."""
    with Workbench(root / "runs", workers=1) as made:
        for name, texts in (("before", [WRONG, WRONG, WRONG, RIGHT]), ("after", [RIGHT])):
            config = EvalConfig(policy="embedded", tasks=TASKS, n=4, template="arcbench")
            store = EvalStore.start(made.evals_root, name, config)
            evaluate(config, store, policy=ScriptedPolicy(texts))
        yield made
