"""What is wrong with a run, and since when, by its metrics alone.

`Diagnoser` reads lines as they are written, `diagnose` all of them, `diagnose_run` a run folder.

Every signal is held against the run's own beginning: its first 20 values, of a shorter run the
first third; what a collapse is measured against stays what it was before. "Clearly" is 5 standard
errors of a window of 10 steps, or 6 of one of 5, and the noise is the larger of the beginning's
robust deviation, of what neighbouring steps differ by, and of what so few completions do by chance:
rewards of 8 completions are noisy, and tasks differ. A sign must stand for two steps, and a finding
is over after 20 without it. "Pays" is a reward clearly above its beginning and near its best.

| kind | warning | critical | where from |
| --- | --- | --- | --- |
| gibberish | share without a program clearly up by 0.2; of unprintable ones by 0.1 | by 0.5, or 2 \
steps 0.6 above all before, or 3 of 0.9 | arc25 diary, trl #3138 |
| length | share cut clearly up by 0.15, or 1.5 times as long, and it does not pay | by 0.5, or 3 \
times as long, or as suddenly as above | DAPO, Dr. GRPO, trl #3138 |
| repetition | loops clearly up by 0.2, or 4-grams fallen to 0.7, and it does not pay | by 0.5, to \
0.4 | trl #3138 |
| entropy | below 0.3 times, and 0.3 of the groups equal without being solved (0.2 more than at \
first); or 3 times as high and it does not pay | 0.1 and 0.7; 6 times | DAPO, arXiv 2505.22617 |
| failing | share of programs that fail clearly up by 0.2 | by 0.5 | Reasoning360 #109 |
| falling | 0.2 of the height to the best lost, 6 standard errors; 5 where the same tasks are \
compared; or 0.5 left of the probability of programs that solved, and tasks earn less than at \
first | 0.5; 3 steps with 0.1 left of it, or near the least reward that were never so low | arc25 \
diary |
| hacked | reward up, solved share below 0.6 times, exact grids carry less than half | 0.25 times \
| arc25 diary (pixel scores) |
| unstable | gradient's norm 10 times as large for 5 steps; 3 of 10 rewards lower than ever by 0.1 \
of the range, and 3 as high as at first | 100 times, or a loss that is no number | trl #2980 |
| out-of-sync | log-probabilities 0.05 nats and 5 times as far apart as at first | 0.5 nats | \
unsloth #8701, trl #5312, #6688, ms-swift #9855 |
| off-policy | mean ratio outside 0.5–2, or effective sample size below 0.3, over 5 steps | below \
0.1 | trl #6789, #5231 |
| truncated | half cut from the start, and 0.3 without a program | 0.9 | trl #5697, #6263, #4970 |
| no-signal | 0.9 of the groups of 20 steps equal, and not solved | 0.98 of 30, after 60 steps | \
trl #3708 |
| flat | not moved in 400 steps, or in 60 without a signal (else told as info) | – | arc25 diary |
| saturated | – (info: 0.97 solve and 0.8 of the groups are equal) | – | DAPO |
| memory | 1 GB and a quarter more than at first, and still growing | 200 steps are left | arc25 \
diary |
"""

from arcbench.diagnostics.diagnoser import Diagnoser, diagnose, diagnose_run
from arcbench.diagnostics.finding import Finding, Kind, Severity, worst

__all__ = ["Diagnoser", "Finding", "Kind", "Severity", "diagnose", "diagnose_run", "worst"]
