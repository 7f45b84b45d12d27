"""From judged samples to the file that ARC Prize's Kaggle competition takes, and what it is worth.

`Ballots` gathers records, `build_submission` chooses two attempts for every test input,
`validate_submission` names every defect of a file, `score_submission` compares it with solutions.
"""

from arcbench.submission.ballots import Ballots, Candidate
from arcbench.submission.build import (
    Attempts,
    Source,
    Submission,
    build_submission,
    write_submission,
)
from arcbench.submission.challenges import Challenges, read_challenges
from arcbench.submission.score import SubmissionScore, read_solutions, score_submission
from arcbench.submission.validate import Defect, Report, validate_bytes, validate_submission

__all__ = [
    "Attempts",
    "Ballots",
    "Candidate",
    "Challenges",
    "Defect",
    "Report",
    "Source",
    "Submission",
    "SubmissionScore",
    "build_submission",
    "read_challenges",
    "read_solutions",
    "score_submission",
    "validate_bytes",
    "validate_submission",
    "write_submission",
]
