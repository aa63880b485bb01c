"""What an agent is told of the one that worked on the task before it: in that one's words, and in ours."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from bot.core import cleaning
from bot.core import prompt_text as text

_MAX_WORDS: Final = 4_000
#: Characters of a receipt that are handed over.
MAX_CLAIMS: Final = 8_000


@dataclass(frozen=True)
class Handover:
    """``outcome`` is why its attempt ended; ``head_sha`` the commit that ``branch`` has on the forge, "" for none.

    ``summary``, ``notes`` and ``claims`` (its receipt, as JSON) are its own words, "" for none. ``verdict`` is what its
    last signed receipt came to, "" when none is signed; ``failed`` are the rules that did not hold, with what was seen.
    """

    agent: str
    agent_type: str
    attempt: int
    outcome: str
    branch: str
    head_sha: str
    summary: str = ""
    notes: str = ""
    claims: str = ""
    verdict: str = ""
    failed: tuple[str, ...] = ()

    def cleaned(self) -> "Handover":
        """Without control and invisible characters, and no longer than an agent should have to read."""
        return replace(
            self,
            outcome=cleaning.one_line(self.outcome, 1_000),
            summary=cleaning.for_agents(self.summary, _MAX_WORDS).strip(),
            notes=cleaning.for_agents(self.notes, _MAX_WORDS).strip(),
            claims=cleaning.for_agents(self.claims, MAX_CLAIMS),
            failed=tuple(cleaning.one_line(x, 300) for x in self.failed),
        )

    def as_json(self) -> Mapping[str, Any]:
        return asdict(self) | {"failed": list(self.failed)}

    def lines(self) -> Sequence[str]:
        """For a prompt: a line for each thing that is known."""
        found = [text.former_attempt(self.agent, self.agent_type, self.attempt, self.outcome)]
        said = ((text.former_summary, self.summary), (text.former_notes, self.notes), (text.former_claims, self.claims))
        found += [say(words) for say, words in said if words]
        found.append(text.former_verdict(self.verdict, self.failed))
        return found
