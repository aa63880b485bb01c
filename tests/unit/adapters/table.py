"""What each transcript must come to: `expected.txt` beside it, one line per scenario, made to be read.

``python -m tests.unit.adapters.table`` writes them anew; read the difference before you commit it.
"""

from itertools import groupby

from tests.unit.adapters.transcripts import Played, Transcript, transcripts

_HEAD = ("scenario", "exit", "verdict", "reason", "terminal event", "afresh", "unparsed", "usage", "session", "message")


def row(transcript: Transcript, played: Played) -> tuple[str, ...]:
    outcome = played.outcome
    return (
        transcript.scenario,
        str(transcript.meta["exit_code"]),
        outcome.verdict.value,
        outcome.reason.value if outcome.reason else "-",
        outcome.terminal_event or "-",
        "yes" if outcome.start_afresh else "-",
        str(outcome.unparsed),
        usage(played),
        played.session or "-",
        " ".join(outcome.message.split())[:70] or "-",
    )


def usage(played: Played) -> str:
    """``kind input(cached)/output $cost``, summed up."""
    found = [one for one in played.usage if one.input_tokens or one.output_tokens or one.cost_usd]
    if not found:
        return "-"
    sums = [sum(getattr(one, name) for one in found) for name in ("input_tokens", "cached_tokens", "output_tokens")]
    cost = sum(one.cost_usd or 0.0 for one in found)
    times = f"{len(found)}×" if len(found) > 1 else ""
    return f"{times}{found[0].kind} {sums[0]}({sums[1]})/{sums[2]}{f' ${cost:.6f}' if cost else ''}"


def table(rows: list[tuple[str, ...]]) -> str:
    widths = [max(len(one[i]) for one in [_HEAD, *rows]) for i in range(len(_HEAD))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(one, widths, strict=True)) for one in [_HEAD, *rows])
    return "".join(f"{line.rstrip()}\n" for line in lines)


def main() -> None:
    for folder, of_one in groupby(transcripts(), lambda one: one.folder):
        rows = [row(one, one.play()) for one in of_one]
        (folder / "expected.txt").write_text(table(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
