"""What a commit says of its origin: that an AI agent made it, which one, and for which task."""

from collections.abc import Mapping


def trailers(task_id: str, fence: int, agent_type: str) -> Mapping[str, str]:
    """The trailers of an attempt's last commit, by name; the value says plainly that no person wrote it."""
    return {
        "Generated-by": f"AI agent {agent_type}",
        "Agent-Fleet-Task": task_id,
        "Agent-Fleet-Attempt": str(fence),
    }
