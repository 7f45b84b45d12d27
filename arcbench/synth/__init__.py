"""Procedural ARC-like tasks, each with the program that solves it."""

from arcbench.synth.config import Phrasing, SynthConfig
from arcbench.synth.generate import SynthTask, generate

__all__ = ["Phrasing", "SynthConfig", "SynthTask", "generate"]
