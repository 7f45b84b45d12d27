"""arcbench: reinforcement learning for language models that write ARC programs."""

__version__ = "0.1.0"
