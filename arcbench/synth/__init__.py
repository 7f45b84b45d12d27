"""Procedural ARC-like tasks, each with the program that solves it."""

from arcbench.synth.generate import SynthTask, generate

__all__ = ["SynthTask", "generate"]
