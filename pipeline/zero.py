"""What it takes to say that nothing succeeds from a prefix."""

from __future__ import annotations


def least_failures(k: int) -> int:
    """Known failures that a zero rests on: half of k at least, as unknown outcomes are no
    failures. All k must have been drawn: a count that was cut short is no zero."""
    return -(-k // 2)
