"""The rules: signals of a run → what is wrong now. The table of them is in the package's docstring.

A rule is a pure function of the signals up to now; it says nothing where it cannot know. How long
its word has to stand, and when a finding is over, is the `Diagnoser`'s business.
"""

from collections.abc import Iterable
from dataclasses import replace
from statistics import fmean

from arcbench import series
from arcbench.diagnostics.finding import Kind, Severity
from arcbench.diagnostics.rules_reward import DOUBT, falling, hacked, pays
from arcbench.diagnostics.sign import CLEAR, FAST, NEARLY_ALL, SURE, Rule, Sign, sign
from arcbench.diagnostics.signals import EARLY, RECENT, Signals, Track

SUDDEN, JUMP = 2, 0.6  # steps in a row with so much larger a share than ever is no chance
FEW = 0.5  # share of completions


def _share_rises(
    signals: Signals,
    kind: Kind,
    name: str,
    what: str,
    *,
    by: float,
    ruin: float,
    jump: float = JUMP,
) -> Sign | None:
    """A share of bad completions: all of a sudden far above all before, or clearly more for long.

    `by` is how much more is a warning, `ruin` how much is critical; what varies from task to task
    by as much as `jump` needs a larger one to be sudden.
    """
    track = signals.get(name)
    if track is None:
        return None
    for size, least in ((SUDDEN, jump), (FAST, NEARLY_ALL)):
        if track.count < size + 2:
            continue
        most = track.before(size)[1]
        low = max(most + least, FEW) if size == SUDDEN else least
        if most <= NEARLY_ALL - 0.2 and all(v >= low for v in track.latest(size)):
            now = track.mean(size)
            said = f"{now:.0%} of {what} in the last {size} steps, never over {most:.0%} before"
            return replace(
                sign(kind, name, track, said, critical=True, window=size), sure=size == SUDDEN
            )
    return _clearly_up(signals, kind, name, what, track, by=by, ruin=ruin)


def _clearly_up(
    signals: Signals, kind: Kind, name: str, what: str, track: Track, *, by: float, ruin: float
) -> Sign | None:
    floor = signals.share_floor(track)
    for size, clear in ((5, SURE), (RECENT, CLEAR)):
        if len(track.window(size)) < size:
            continue
        now, rise = track.mean(size), track.mean(size) - track.usual
        if rise >= by and track.shift(size, floor, share=True) >= clear:
            said = (
                f"{now:.0%} of {what} in the last {size} steps, {track.usual:.0%} in the beginning"
            )
            return sign(kind, name, track, said, critical=rise >= ruin, window=size)
    return None


# Collapses of the text


def gibberish(signals: Signals) -> Sign | None:
    """Completions without a program, or of characters that nobody prints."""
    what = "completions hold no program that Python can parse"
    return _share_rises(
        signals, Kind.GIBBERISH, series.NO_PROGRAM, what, by=0.2, ruin=0.5
    ) or _share_rises(
        signals, Kind.GIBBERISH, series.GARBLED, "completions are mostly unprintable", by=0.1,
        ruin=0.4,
    )  # fmt: skip


def length(signals: Signals) -> Sign | None:
    """Completions that grow until the limit cuts them."""
    cut = _share_rises(
        signals, Kind.LENGTH, series.LENGTH_TRUNCATED, "completions are cut at the limit", by=0.15,
        ruin=0.5,
    )  # fmt: skip
    if cut is not None:
        return replace(cut, severity=Severity.INFO) if pays(signals) else cut
    track = signals.get(series.LENGTH_MEAN)
    if track is None or not track.normal or pays(signals):
        return None
    grown = track.mean() / track.normal
    if grown < 1.5 or track.shift(floor=0.1 * track.normal) < SURE or len(track.window()) < RECENT:
        return None
    said = (
        f"completions of {track.mean():.0f} tokens, {track.normal:.0f} in the beginning, and the "
        "reward did not rise with them"
    )
    return sign(Kind.LENGTH, series.LENGTH_MEAN, track, said, critical=grown >= 3)


def repetition(signals: Signals) -> Sign | None:
    """Completions that say the same again and again."""
    what = "a completion's tokens are one stretch again and again"
    if pays(signals):
        return None
    if found := _share_rises(signals, Kind.REPETITION, series.LOOP, what, by=0.2, ruin=0.5):
        return found
    track = signals.get(series.UNIQUE_4GRAMS)
    if track is None or not track.normal or len(track.window()) < RECENT:
        return None
    kept = track.mean() / track.normal
    if kept > 0.7 or -track.shift(floor=0.05) < SURE:
        return None
    said = (
        f"{track.mean():.0%} of the sequences of 4 tokens in a completion are different, "
        f"{track.normal:.0%} in the beginning"
    )
    return sign(Kind.REPETITION, series.UNIQUE_4GRAMS, track, said, critical=kept <= 0.4)


def entropy(signals: Signals) -> Sign | None:
    """The policy is sure of one answer that is often wrong, or knows nothing any more."""
    track, stuck = signals.get(series.ENTROPY), _stuck(signals)
    if track is None or not track.normal or len(track.window()) < RECENT:
        return None
    ratio = track.mean() / track.normal
    said = f"entropy {track.mean():.3g} nats, {track.normal:.3g} in the beginning"
    if ratio >= 3 and track.shift(floor=0.1 * track.normal) >= SURE and not pays(signals):
        return sign(Kind.ENTROPY, series.ENTROPY, track, said, critical=ratio >= 6)
    # Being sure is what learning leads to; being sure and wrong is where it ends.
    if ratio > 0.3 or stuck is None or stuck[1] < 0.3 or stuck[1] - stuck[0] < 0.2:
        return None
    said += f"; {stuck[1]:.0%} of the groups have equal rewards without being solved"
    critical = ratio <= 0.1 and stuck[1] >= 0.7
    return sign(Kind.ENTROPY, series.ENTROPY, track, said, critical=critical)


def _stuck(signals: Signals) -> tuple[float, float] | None:
    """The share of groups with equal rewards that are not solved: in the beginning, and now."""
    silent = signals.get(series.GROUP_NO_SIGNAL, EARLY)
    solved = signals.get(series.GROUP_ALL_SOLVED) or signals.get(series.SOLVE_RATE)
    if silent is None or solved is None:
        return None
    # The share of completions that solve is no less than that of groups in which all do.
    before = fmean(silent.early()) - fmean(solved.early())
    return max(0.0, before), max(0.0, silent.mean(20) - solved.mean(20))


def failing(signals: Signals) -> Sign | None:
    """Programs that raise, hang, or draw no grid."""
    what = "programs fail in the sandbox"
    # Whole groups fail together on some tasks: one such jump tells nothing.
    return _share_rises(signals, Kind.FAILING, series.FAILED, what, by=0.2, ruin=0.5, jump=1.1)


# Too little for a finding, too much for a healthy policy

BAD_SHARES = (
    series.NO_PROGRAM, series.GARBLED, series.LENGTH_TRUNCATED, series.LOOP, series.FAILED,
)  # fmt: skip


def doubtful(signals: Signals, name: str) -> bool:
    """Whether a share of bad completions has left the range of the beginning."""
    track = signals.get(name)
    if track is None:
        return False
    floor = signals.share_floor(track)
    return track.mean(3) - track.usual >= 0.1 and track.shift(5, floor, share=True) >= DOUBT


# Nothing to learn from


def truncated(signals: Signals) -> Sign | None:
    """Most completions are cut from the beginning, and what is cut earns little."""
    track, none = signals.get(series.LENGTH_TRUNCATED, 5), signals.get(series.NO_PROGRAM, 5)
    if track is None or track.normal < 0.5 or track.mean(5) < 0.5:
        return None
    limit = signals.settings.limit
    said = f"{track.mean():.0%} of the completions are cut at the limit" + (
        f" of {limit} tokens" if limit else ""
    )
    if none is not None:
        said += f", and {none.mean():.0%} hold no program"
        if none.mean() < 0.3:  # a program is there all the same, and then something after it
            return None
    return sign(
        Kind.TRUNCATED, series.LENGTH_TRUNCATED, track, said, critical=track.mean() >= NEARLY_ALL
    )


def saturated(signals: Signals) -> Sign | None:
    """Everything is solved."""
    solved, silent = signals.get(series.SOLVE_RATE, 20), signals.get(series.GROUP_NO_SIGNAL, 20)
    if solved is None or silent is None or solved.mean(20) < 0.97 or silent.mean(20) < 0.8:
        return None
    said = (
        f"{solved.mean(20):.0%} of the completions solve, and {silent.mean(20):.0%} of the groups "
        "have equal rewards"
    )
    return Sign(
        kind=Kind.SATURATED, signal=series.SOLVE_RATE, severity=Severity.INFO, evidence=said,
        first_step=solved.since(20),
    )  # fmt: skip


def no_signal(signals: Signals) -> Sign | None:
    """Nearly all groups have equal rewards, and not because they are solved."""
    silent, solved = signals.get(series.GROUP_NO_SIGNAL, 20), signals.get(series.SOLVE_RATE)
    if silent is None or silent.count * signals.settings.prompts < 30:
        return None
    if silent.mean(20) < NEARLY_ALL or (solved is not None and solved.mean(20) >= NEARLY_ALL):
        return None
    said = f"{silent.mean(20):.0%} of the groups of the last 20 steps have equal rewards"
    reward = signals.get(series.REWARD_MEAN)
    if reward is not None:
        said += f" (mean {reward.mean(20):.2f})"
    critical = silent.count >= 60 and silent.mean(30) >= 0.98
    return sign(Kind.NO_SIGNAL, series.GROUP_NO_SIGNAL, silent, said, critical=critical, window=20)


FLAT_STEPS, FLAT_FOR_LONG = 60, 400  # to be told of; to be warned of without any other sign


def flat(signals: Signals) -> Sign | None:
    """The reward has not moved, up or down, since the run began."""
    track, solved = signals.get(series.REWARD_MEAN, FLAT_STEPS), signals.get(series.SOLVE_RATE)
    if track is None or (solved is not None and solved.mean(20) >= NEARLY_ALL):
        return None
    height = signals.settings.top - signals.settings.floor
    moved = abs(track.mean(30) - track.start) >= 0.1 * height
    if moved or abs(track.shift(30)) >= 2.5 or track.best[1] - track.normal > 3 * track.spread():
        return None
    silent = signals.get(series.GROUP_NO_SIGNAL)
    stuck = silent is not None and silent.mean(30) >= NEARLY_ALL
    long = track.count >= FLAT_FOR_LONG
    said = (
        f"reward {track.mean(30):.2f} over the last 30 steps, {track.normal:.2f} in the beginning"
    )
    return Sign(
        kind=Kind.FLAT,
        signal=series.REWARD_MEAN,
        severity=Severity.WARNING if stuck or long else Severity.INFO,
        evidence=said,
        first_step=1,
    )


COLLAPSES: tuple[Rule, ...] = (gibberish, length, repetition, entropy, failing, falling)
OTHERS: tuple[Rule, ...] = (truncated, hacked, saturated, no_signal, flat)


def seen(rules: Iterable[Rule], signals: Signals) -> list[Sign]:
    """What the rules see now."""
    return [s for rule in rules if (s := rule(signals)) is not None]
