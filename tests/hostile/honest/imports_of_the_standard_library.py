# Imports what programs for puzzles import.
# expect: OK
import abc, bisect, collections, copy, dataclasses, enum, functools, heapq, itertools, json
import math, operator, os, pathlib, random, re, statistics, string, sys, textwrap, time, typing
import fractions, decimal, queue, contextlib, numbers, warnings, uuid, traceback, inspect, datetime
from collections import Counter, defaultdict, deque, namedtuple
from typing import Dict, List, Optional, Tuple

def transform(grid: List[List[int]]) -> List[List[int]]:
    assert math.gcd(4, 6) == 2 and Counter("aab")["a"] == 2
    return json.loads(json.dumps(copy.deepcopy(grid).tolist()))
