"""The rules on the reward: see `rules`."""

from dataclasses import replace
from math import sqrt

from arcbench import series
from arcbench.diagnostics.finding import Kind
from arcbench.diagnostics.sign import FAST, SURE, Sign, sign
from arcbench.diagnostics.signals import KEPT, RECENT, Signals

MANY_GROUPS = 20  # so many tasks are not unsolvable by chance where some were solved
SAME_TASKS = 5.0  # standard errors of a loss on the same tasks
GONE, HALF_GONE = 0.1, 0.5  # what is left of programs' probability: of each, and on average
DOUBT = 3.0  # standard errors: too little for a finding, too much for a healthy policy


def falling(signals: Signals) -> Sign | None:
    """The reward lies far below its best, or at the bottom all of a sudden."""
    track = signals.get(series.REWARD_MEAN)
    if track is None:
        return None
    floor, height = signals.settings.floor, signals.settings.top - signals.settings.floor
    early = track.normal - floor
    low = floor + 0.25 * early
    sudden = track.count >= FAST + 2 and max(track.latest(FAST)) <= low < track.before(FAST)[0]
    if early >= 0.2 * height and sudden:
        said = (
            f"reward {track.mean(FAST):.2f} in the last {FAST} steps, {track.normal:.2f} in the "
            f"beginning; {floor:.2f} is the least there is"
        )
        return sign(Kind.FALLING, series.REWARD_MEAN, track, said, critical=True, window=FAST)
    for rule in (_forgotten, _none_solves, _less_on_the_same_tasks):
        if (gone := rule(signals)) is not None:
            return gone
    if track.count < 2 * RECENT:
        return None
    when, best = track.best
    lost = best - track.mean()
    noise = max(track.spread(0.03 * height), track.jitter) * (2 / RECENT) ** 0.5
    # The best of many windows is partly luck.
    if lost < 0.2 * (best - floor) or lost < SURE * noise or len(track.window()) != RECENT:
        return None
    said = (
        f"reward {track.mean():.2f} over the last {RECENT} steps, after {best:.2f} up to step "
        f"{when}"
    )
    critical = lost >= 0.5 * (best - floor)
    return sign(Kind.FALLING, series.REWARD_MEAN, track, said, critical=critical)


def _forgotten(signals: Signals) -> Sign | None:
    """Programs that solved have become unlikely, and nothing better has come in their place.

    Each step scores others of them, so that a few steps in a row are no chance.
    """
    track = signals.get(series.RECALL)
    if track is None:
        return None
    gone = track.count >= FAST and max(track.latest(FAST)) <= GONE and _earns_less(signals, FAST)
    size = FAST if gone else RECENT
    if not gone and (
        track.count < RECENT or track.mean() > HALF_GONE or not _earns_less(signals, RECENT)
    ):
        return None
    said = (
        f"{track.mean(size):.0%} is left of the probability of programs that solved tasks, those "
        f"that were scored in the last {size} steps"
    )
    # Its beginning is of other programs, and no less a part of this.
    return replace(
        sign(Kind.FALLING, series.RECALL, track, said, critical=gone),
        sure=gone,
        first_step=track.latest_since(size),
    )


def _earns_less(signals: Signals, size: int) -> bool:
    """Whether the last so many steps earned less than their tasks did at first."""
    gain, reward = signals.get(series.REWARD_GAIN), signals.get(series.REWARD_MEAN)
    if gain is not None:
        return gain.mean(size) < 0
    return reward is not None and reward.mean(size) < reward.start


def _none_solves(signals: Signals) -> Sign | None:
    """No completion of many solves, after some of the very first ones did.

    What is destroyed within a few steps leaves no beginning to hold its reward against.
    """
    solved = signals.get(series.SOLVE_RATE)
    if solved is None:
        return None
    steps = max(RECENT, -(-MANY_GROUPS // signals.settings.prompts))
    if steps > KEPT or solved.count < steps + 2 or max(solved.latest(steps)) > 0:
        return None
    if solved.start < 0.1:
        return None
    said = (
        f"no completion solved its task in the last {steps} steps; {solved.start:.0%} did in the "
        "first five"
    )
    return sign(Kind.FALLING, series.SOLVE_RATE, solved, said, critical=True, window=steps)


def _less_on_the_same_tasks(signals: Signals) -> Sign | None:
    """The gain over what the same tasks earned at first is far below its best, or below nothing.

    It has no part in the luck of which tasks come, so fewer steps are enough.
    """
    gain, reward = signals.get(series.REWARD_GAIN, 4), signals.get(series.REWARD_MEAN)
    if gain is None or reward is None:
        return None
    when, best = max(gain.best, (0, 0.0), key=lambda at: at[1])
    height = reward.usual + best - signals.settings.floor  # what the best has earned
    noise = max(gain.jitter, _luck(signals))
    for size in (FAST, 5, RECENT):
        if gain.count < size:
            break
        now = gain.mean(size)
        lost = best - now
        error = noise * sqrt(1 / size + (1 / RECENT if when else 0))
        if lost < 0.2 * height or lost < SAME_TASKS * error:
            continue
        said = (
            f"the tasks of the last {size} steps earned {abs(now):.2f} "
            f"{'more' if now > 0 else 'less'} than when they came first"
            + (f"; up to step {when} it was {best:.2f} more" if when else "")
        )
        critical = lost >= 0.5 * height
        return sign(Kind.FALLING, series.REWARD_GAIN, gain, said, critical=critical, window=size)
    return None


def _luck(signals: Signals) -> float:
    """The deviation that a step's gain has by which completions were drawn, then and at first."""
    spread = signals.get(series.GROUP_REWARD_STD)
    least = 0.03 * (signals.settings.top - signals.settings.floor)
    if spread is None:
        return least
    return max(least, spread.usual * sqrt(2 / signals.settings.completions))


def hacked(signals: Signals) -> Sign | None:
    """What is paid rises, or stays, while fewer completions solve."""
    reward, solved = signals.get(series.REWARD_MEAN), signals.get(series.SOLVE_RATE)
    if reward is None or solved is None or len(solved.window()) < RECENT:
        return None
    # Tasks differ in nothing as much as in how often they are solved.
    size = max(n for n in (RECENT, 20, KEPT) if len(solved.window(n)) == n)
    before, now = solved.usual, solved.mean(size)
    floor = signals.share_floor(solved)
    if before < 0.03 or now > 0.6 * before or -solved.shift(size, floor, share=True) < 3:
        return None
    held = 0.02 * (signals.settings.top - signals.settings.floor)
    if reward.shift(size) < 2 and reward.mean(size) < reward.normal - held:
        return None
    exact = signals.get(series.REWARD_PART.format("exact"))
    rise = reward.mean(size) - reward.normal
    carried = 0.0 if exact is None else exact.mean(size) - exact.normal
    if carried > 0.5 * rise:
        return None
    said = (
        f"reward {reward.normal:.2f} → {reward.mean(size):.2f} while the solved share went "
        f"{before:.0%} → {now:.0%}"
    )
    critical = now <= 0.25 * before
    return sign(Kind.HACKED, series.SOLVE_RATE, solved, said, critical=critical, window=size)


def pays(signals: Signals) -> bool:
    """Whether what changes is worth it: the reward is above its beginning and near its best."""
    track = signals.get(series.REWARD_MEAN)
    if track is None or len(track.window()) < 3:
        return False
    top = signals.settings.top
    if track.mean() >= signals.settings.floor + 0.9 * (top - signals.settings.floor):
        return True  # nearly all that there is
    # The latest steps may have risen before a window of ten shows it.
    shift, now = max((track.shift(n), track.mean(n)) for n in (5, RECENT))
    best = max(track.best[1], now) - track.normal
    return shift >= 1 and now - track.normal >= 0.85 * best


def falls(signals: Signals) -> bool:
    """Whether the reward has left the range of the beginning downwards, or what solved is lost."""
    track, recall = signals.get(series.REWARD_MEAN), signals.get(series.RECALL)
    if recall is not None and recall.mean(FAST) < 0.5 and _earns_less(signals, FAST):
        return True
    return track is not None and track.shift(5) <= -DOUBT
