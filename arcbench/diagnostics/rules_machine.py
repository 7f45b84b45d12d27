"""The rules on the arithmetic, the engine and the machine: see `rules`."""

from statistics import median

from arcbench import series
from arcbench.diagnostics.finding import Kind
from arcbench.diagnostics.sign import SURE, Rule, Sign, sign
from arcbench.diagnostics.signals import RECENT, Signals

GAP_SURE = 0.5  # nats a token: the engine's and the trainer's policy are two
GAP_CLEAR = 0.05  # above what 16 bits make of the same weights
RATIO_LOW, RATIO_HIGH, ESS_LOW = 0.5, 2.0, 0.3
LEAK_GB, LEAK_SHARE, LEAK_STEPS = 1.0, 0.25, 60


def unstable(signals: Signals) -> Sign | None:
    """Gradients far larger than in the beginning, step after step, or a loss that is no number."""
    loss = signals.get(series.LOSS)
    if loss is not None and loss.missing:
        said = f"the loss of {loss.missing} steps in a row is no number"
        return sign(Kind.UNSTABLE, series.LOSS, loss, said, critical=True, window=1)
    if (swings := _reward_swings(signals)) is not None:
        return swings
    track = signals.get(series.GRAD_NORM, 15)
    if track is None or len(track.window(5)) < 5:
        return None
    # Steps without a signal have no gradient, and tell nothing of its size.
    moved = [v for v in track.early() if v > 0]
    if len(moved) < 3 or not track.steadily(5, low=10 * (normal := median(moved))):
        return None
    least = min(track.window(5))
    said = (
        f"norm of the gradient at least {least:.3g} in the last 5 steps, {normal:.3g} in the "
        "beginning"
    )
    return sign(
        Kind.UNSTABLE, series.GRAD_NORM, track, said, critical=least >= 100 * normal, window=5
    )


def _reward_swings(signals: Signals) -> Sign | None:
    """The reward falls lower than ever and comes back, again and again."""
    track = signals.get(series.REWARD_MEAN, 2 * RECENT)
    if track is None:
        return None
    height = signals.settings.top - signals.settings.floor
    least, latest = track.before(RECENT)[0], track.latest(RECENT)
    low = sum(v < least - 0.1 * height for v in latest)
    high = sum(v >= track.normal for v in latest)
    if low < 3 or high < 3:
        return None
    said = (
        f"reward from {min(latest):.2f} to {max(latest):.2f} within {RECENT} steps, {low} of them "
        f"lower than ever before ({least:.2f})"
    )
    return sign(Kind.UNSTABLE, series.REWARD_MEAN, track, said, critical=False)


def out_of_sync(signals: Signals) -> Sign | None:
    """Trainer and engine find what was sampled differently likely, more and more so."""
    for name, what in (
        (series.SYNC_GAP, "on the canary's probes"),
        (series.SAMPLED_GAP, "of a sampled token"),
    ):
        track = signals.get(name, 5)
        if track is None:
            continue
        now, first = track.mean(5), min(track.early())
        grown = now >= max(GAP_CLEAR, 5 * first) and track.shift(5) >= SURE / 2
        if now >= GAP_SURE or (grown and track.steadily(5, low=GAP_CLEAR)):
            said = (
                f"log-probabilities {what} differ by {now:.2g} nats between trainer and engine, "
                f"{first:.2g} in the beginning"
            )
            return sign(Kind.OUT_OF_SYNC, name, track, said, critical=now >= GAP_SURE, window=5)
    return None


def off_policy(signals: Signals) -> Sign | None:
    """Importance weights that say: these samples are another policy's."""
    for name in (series.RATIO_ESS, series.UPDATE_RATIO_ESS):
        track = signals.get(name, 5)
        if track is not None and track.mean(5) < ESS_LOW:
            said = (
                f"the importance weights leave {track.mean(5):.0%} of the tokens' worth "
                "(effective sample size)"
            )
            critical = track.mean(5) < ESS_LOW / 3
            return sign(Kind.OFF_POLICY, name, track, said, critical=critical, window=5)
    for name in (series.RATIO_MEAN, series.UPDATE_RATIO_MEAN, series.IMPORTANCE_RATIO):
        track = signals.get(name, 5)
        if track is not None and not RATIO_LOW <= track.mean(5) <= RATIO_HIGH:
            said = f"mean importance ratio {track.mean(5):.2g}; 1 is the same policy"
            return sign(Kind.OFF_POLICY, name, track, said, critical=False, window=5)
    return None


def memory(signals: Signals) -> Sign | None:
    """Memory that only grows."""
    for name, what in (
        (series.RSS_GB, "the trainers"),
        (series.CHILDREN_GB, "the processes that the run started"),
        (series.GPU_RESERVED_GB, "torch on the GPU"),
    ):
        track = signals.get(name, LEAK_STEPS)
        if track is None:
            continue
        kept = track.window(30)
        thirds = [sum(kept[i : i + 10]) / 10 for i in (0, 10, 20)] if len(kept) == 30 else []
        grown = track.mean() - max(track.early())
        rises = thirds == sorted(thirds) and thirds and thirds[2] > 1.01 * thirds[0]
        if rises and grown >= max(LEAK_GB, LEAK_SHARE * track.normal):
            rate = (thirds[2] - thirds[0]) / 20
            said = (
                f"{what} take {track.mean():.1f} GB, {track.normal:.1f} in the beginning, "
                f"{1000 * rate:.0f} MB more with each step"
            )
            left = signals.get(series.AVAILABLE_GB)
            soon = left is not None and left.mean() < 200 * rate
            if left is not None and name != series.GPU_RESERVED_GB:
                said += f"; {left.mean():.1f} GB are left, for {left.mean() / rate:.0f} steps"
            return sign(Kind.MEMORY, name, track, said, critical=soon, window=30)
    return None


MACHINE: tuple[Rule, ...] = (unstable, out_of_sync, off_policy, memory)
