"""The world's only clock."""


class Clock:
    """Seconds since the epoch; moves when a story says so."""

    def __init__(self, at: float = 1_790_000_000.0) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at

    def forward(self, secs: float) -> None:
        self.at += secs
