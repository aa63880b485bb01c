"""Sentences about tokens and cost."""

from bot.core import cleaning
from bot.core.usage import Used


def used(one: Used) -> str:
    """What one model took, reported and estimated cost apart."""
    parts = [f"{_count(one.input_tokens)} tokens in", f"{_count(one.output_tokens)} out"]
    if one.reported_usd is not None:
        parts.append(f"${one.reported_usd:.2f} reported")
    if one.estimated_usd is not None:
        parts.append(f"${one.estimated_usd:.2f} estimated")
    return f"- {cleaning.code(one.model or 'model', 60)} {', '.join(parts)}"


def _count(tokens: int) -> str:
    return str(tokens) if tokens < 1000 else f"{tokens / 1000:.1f}k" if tokens < 1e6 else f"{tokens / 1e6:.1f}M"
