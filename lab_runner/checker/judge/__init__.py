"""What evidence means: pure functions from a probe and its evidence to a verdict."""

from lab_runner.checker.judge.stored import evidence_from_json
from lab_runner.checker.judge.table import judge
from lab_runner.checker.judge.verdict import Verdict

__all__ = ["Verdict", "evidence_from_json", "judge"]
