"""Programs that attack the sandbox, and odd ones that must run in it: one file each.

Every file opens with a sentence on what it tries, then says what must happen (catalogue.py reads
it). `python -m tests.hostile` runs them all and needs nothing but numpy, scipy and the package.
"""
