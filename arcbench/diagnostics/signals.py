"""The signals of a run as they come: each against its own beginning, in constant memory."""

from collections import deque
from collections.abc import Mapping
from itertools import pairwise
from math import isfinite, sqrt
from statistics import fmean, median, stdev

from arcbench import series
from arcbench.runs import Metrics
from arcbench.sandbox.types import Outcome

EARLY = series.EARLY_STEPS  # values that tell what is normal; of a short run the first third
RECENT = 10  # values of the window that is held against them
KEPT = 30  # values that are remembered beside the early ones
_NORMAL_MAD = 1.4826  # a normal distribution's deviation over its median absolute deviation
_NORMAL_MEAN = 1.2533  # the same over its mean absolute deviation
_NO_PROGRAM = (Outcome.NO_CODE, Outcome.SYNTAX_ERROR, Outcome.NO_TRANSFORM)
_FAILED = (
    Outcome.RAISED, Outcome.TIMEOUT, Outcome.OUT_OF_MEMORY, Outcome.BAD_OUTPUT, Outcome.FORBIDDEN,
    Outcome.DIED,
)  # fmt: skip


class Track:
    """One signal: its first values, its latest ones, and the best mean of `RECENT` in between."""

    def __init__(self) -> None:
        self.count = 0  # finite values
        self.missing = 0  # values in a row, up to now, that were no numbers
        self.frozen = False
        self._first: list[float] = []
        self._latest: deque[tuple[int, float]] = deque(maxlen=KEPT)
        self._held = 0
        self._past = (float("inf"), -float("inf"))  # least and most of what `_latest` has dropped
        self.best = (0, -float("inf"))  # step and mean of the highest window

    def add(self, step: int, value: float | None) -> None:
        """The value of a step; None: it was not finite."""
        if value is None or not isfinite(value):
            self.missing += 1
            return
        self.missing = 0
        self.count += 1
        if len(self._first) < EARLY:
            self._first.append(value)
        if len(self._latest) == KEPT:
            gone = self._latest[0][1]
            self._past = min(self._past[0], gone), max(self._past[1], gone)
        self._latest.append((step, value))
        if not self.frozen:
            self._held = min(EARLY, max(self.count // 3, 2 if self.count > 3 else 1))
        if self.count >= RECENT and self.mean() > self.best[1]:
            self.best = step, self.mean()

    def early(self) -> list[float]:
        """The values that tell what is normal; those of a time before what was found."""
        return self._first[: self._held]

    @property
    def normal(self) -> float:
        """The median of the beginning."""
        return median(self.early())

    def window(self, size: int = RECENT) -> list[float]:
        """The latest values that do not belong to the beginning."""
        size = min(size, self.count - self._held)
        return [v for _, v in list(self._latest)[-size:]] if size > 0 else []

    def since(self, size: int = RECENT) -> int:
        """The first step of the window."""
        return list(self._latest)[-max(1, len(self.window(size)))][0]

    def mean(self, size: int = RECENT) -> float:
        """The mean of the latest values, of the beginning too where there are no others."""
        return fmean(self.latest(size))

    def spread(self, floor: float = 0.0) -> float:
        """The robust standard deviation of one value in the beginning, at least `floor`."""
        early = self.early()
        far = [abs(v - self.normal) for v in early]
        # A share that is nearly always 0 has no median deviation; its mean one tells more.
        return max(_NORMAL_MAD * median(far), _NORMAL_MEAN * fmean(far), floor)

    @property
    def start(self) -> float:
        """The mean of the first five values: of the policy as it was before it learned."""
        return fmean(self._first[:5])

    @property
    def usual(self) -> float:
        """The mean of the beginning: for shares, whose median is often 0."""
        return fmean(self.early())

    @property
    def jitter(self) -> float:
        """The standard deviation of one value, by what neighbours of late differ."""
        values = self.latest(KEPT)
        far = [abs(b - a) for a, b in pairwise(values)]
        return _NORMAL_MEAN * fmean(far) / sqrt(2) if far else 0.0

    def shift(self, size: int = RECENT, floor: float = 0.0, *, share: bool = False) -> float:
        """How many standard errors the window lies above the beginning; 0 for too few values.

        `floor` is the least deviation of one value that is believed. For a `share` the beginning is
        its mean.
        """
        early, window = self.early(), self.window(size)
        if len(early) < 2 or len(window) < 3:
            return 0.0
        centre = fmean(early) if share or len(early) < 6 else self.normal
        # Tasks differ, and the beginning has seen few of them.
        noise = max(self.spread(floor), self.jitter, stdev(early) if share else 0.0)
        error = noise * sqrt(1 / len(early) + 1 / len(window))
        # What stands still in the beginning and moves later has moved for sure.
        return (fmean(window) - centre) / max(error, 1e-9)

    def latest(self, size: int) -> list[float]:
        """The latest values, of the beginning too where there are no others."""
        return [v for _, v in list(self._latest)[-size:]]

    def latest_since(self, size: int) -> int:
        """The first step of `latest`."""
        return list(self._latest)[-size:][0][0]

    def before(self, size: int) -> tuple[float, float]:
        """The least and the most of all values but the latest `size`; there must be others."""
        older = [v for _, v in list(self._latest)[:-size]]
        return min([*older, self._past[0]]), max([*older, self._past[1]])

    def steadily(self, size: int, low: float = -float("inf"), high: float = float("inf")) -> bool:
        """Whether the latest `size` values are there, and all between `low` and `high`."""
        window = self.window(size)
        return len(window) == size and all(low <= v <= high for v in window)


class Signals:
    """All tracks of a run, by the names of `series`; what an old run lacks is derived."""

    def __init__(self, config: Mapping[str, object] | None = None) -> None:
        self.settings = Settings(config or {})
        self.step = 0
        self._tracks: dict[str, Track] = {}

    def add(self, line: Metrics) -> None:
        """The line of a step."""
        self.step = int(line["step"] or 0)
        for name, value in {**_derived(line), **line}.items():
            if name != "step":
                self._tracks.setdefault(name, Track()).add(self.step, value)

    def get(self, name: str, count: int = 1) -> Track | None:
        """The track of a signal with at least so many values, and one beyond the beginning."""
        track = self._tracks.get(name)
        return track if track is not None and track.count >= max(count, 2) else None

    def freeze(self) -> None:
        """What is normal stays what it is now: something was found."""
        for track in self._tracks.values():
            track.frozen = True

    def thaw(self) -> None:
        """The beginning may grow again to its full length."""
        for track in self._tracks.values():
            track.frozen = False

    def share_floor(self, track: Track) -> float:
        """The deviation that a share of a step's completions has by chance alone."""
        n = self.settings.completions
        p = min(max(track.usual, 1 / n), 1 - 1 / n)
        return sqrt(p * (1 - p) / n)


class Settings:
    """What the diagnosis takes from a run's config.json, of any age."""

    def __init__(self, config: Mapping[str, object]) -> None:
        grpo, reward = _part(config, "grpo"), _part(config, "reward")
        self.group = int(_number(grpo, "num_generations", 8))
        self.prompts = int(_number(grpo, "prompts_per_step", 1))
        self.completions = max(2, self.group * self.prompts)
        self.learning_rate = _number(grpo, "learning_rate", 0.0)
        self.lora = _part(config, "policy").get("lora") is not None
        self.limit = int(_number(_part(config, "lengths"), "max_completion_tokens", 0))
        self.in_process = _part(config, "engine").get("kind", "transformers") == "transformers"
        self.canary = bool(_number(_part(config, "sync"), "every", 1))
        self.exact_weight = _number(reward, "exact", 1.0)
        no_code, code, ran = (_number(reward, k, 0.0) for k in ("no_code", "code", "ran"))
        pixel, length = _number(reward, "pixel", 0.0), _number(reward, "length", 0.0)
        self.floor = min(no_code, code + min(ran, 0.0) - length)
        self.top = max(no_code, code + ran + self.exact_weight + pixel)


def _part(config: Mapping[str, object], name: str) -> Mapping[str, object]:
    part = config.get(name)
    return part if isinstance(part, Mapping) else {}


def _number(part: Mapping[str, object], name: str, default: float) -> float:
    value = part.get(name)
    return float(value) if isinstance(value, int | float) else default


def _derived(line: Metrics) -> Metrics:
    """Signals that runs of before had under other names."""
    shares = {o: line.get(series.OUTCOME.format(o.value)) for o in Outcome}
    if any(v is None for v in shares.values()):
        return {}
    known = {o: v for o, v in shares.items() if v is not None}
    none = sum(known[o] for o in _NO_PROGRAM)
    failed = sum(known[o] for o in _FAILED)
    out: Metrics = {series.NO_PROGRAM: none}
    if none < 1:
        out[series.FAILED] = failed / (1 - none)
    return out
