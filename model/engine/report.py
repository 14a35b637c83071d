"""What an engine is doing, for who watches it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class EngineReport:
    """What the engine is doing.

    waiting        requests that do not run yet
    running        requests that do, and how many of them by version
    prefix_tokens  tokens of prompts whose keys and values are kept for reuse
    prefix_reused  tokens of prompts that were not processed again
    steps          forward passes so far
    """

    waiting: int
    running: int
    running_by_version: dict[int, int]
    prefix_tokens: int
    prefix_reused: int
    steps: int
