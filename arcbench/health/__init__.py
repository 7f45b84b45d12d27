"""Checks and servers beside the runs, each a command in a process of its own; loads nothing heavy.

`errand` is such a process and its folder; `preflight` and `sync_check` are checks, `servers` write
completions.
"""
