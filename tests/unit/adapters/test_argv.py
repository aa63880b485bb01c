"""Each adapter starts its CLI as it was started when the transcripts were recorded, and says where it differs."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from bot.adapters.base import Adapter
from bot.adapters.registry import adapter, adapters
from bot.core.errors import Refused
from tests.unit.adapters.transcripts import HOME, RUN, WORK, Transcript, folders, job, transcripts

_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_FIXED: Final = f"Read the file {RUN}/prompt.md and do what it says."
#: Environment of the stub model, which an operator sets in its own way.
_THE_STUBS: Final = re.compile(
    r".*_API_KEY|.*_BASE_URL|.*_API_BASE|STUBKEY|(OPENAI|COPILOT|LLM)_MODEL|COPILOT_OFFLINE|COPILOT_PROVIDER_.*"
)


@dataclass(frozen=True)
class Differs:
    """What we add (a sequence of words each), and what we say instead of a word."""

    adds: tuple[tuple[str, ...], ...] = ()
    instead: dict[str, tuple[str, ...]] = field(default_factory=dict)
    env: frozenset[str] = frozenset()


CODEX: Final = (
    "check_for_update_on_startup=false",
    "analytics.enabled=false",
    "features.plugins=false",
    "features.apps=false",
    "shell_environment_policy.ignore_default_excludes=false",
)
#: Safer than recorded: a sandbox, no hooks of the repository, no push, fewer retries.
DIFFERENCES: Final = {
    "codex": Differs(
        adds=tuple(("-c", setting) for setting in CODEX),
        instead={"--dangerously-bypass-approvals-and-sandbox": ("-s", "workspace-write")},
    ),
    "claude": Differs(adds=(("--setting-sources", "user"), ("Bash(git push:*)",))),
    "qwen": Differs(adds=(("--bare",), ("--max-wall-time", "60m"))),
    "copilot": Differs(adds=(("--deny-tool", "shell(git push)"), ("--usage-output-file", f"{RUN}/copilot-usage.json"))),
    "pi": Differs(adds=(("--no-extensions",),)),
    # The stub's own settings come with the configuration there.
    "opencode": Differs(env=frozenset({"OPENCODE_CONFIG_CONTENT", "OPENCODE_PERMISSION"})),
}


def recorded(transcript: Transcript) -> list[str]:
    """The recorded words with our places in them."""
    places = {"$HOME": str(HOME), "$WORK": str(WORK), "$RUN": str(RUN)}
    words = [re.sub(r"\$(HOME|WORK|RUN)", lambda found: places[found[0]], word) for word in transcript.meta["argv"]]
    return [_FIXED if word.startswith("PROMPT-") else word for word in words]


def model_in(words: list[str]) -> str:
    provider = next((words[i + 1] for i, word in enumerate(words) if word in ("--provider", "-P")), "")
    model = next((words[i + 1] for i, word in enumerate(words) if word in ("-m", "--model")), "")
    return f"{provider}/{model}" if provider else model


def ours(transcript: Transcript, words: list[str]) -> list[str]:
    """Our command line without what we add to the recorded one."""
    one = transcript.adapter()
    resume = transcript.scenario == "resume" and one.can_resume
    session = str(transcript.meta.get("session_id") or next(filter(_UUID.fullmatch, words), ""))
    found = one.argv(transcript.job(model=model_in(words), session=session, resume=resume))
    differs = DIFFERENCES.get(transcript.cli, Differs())
    for added in differs.adds:
        start = next(i for i in range(len(found)) if tuple(found[i : i + len(added)]) == added)
        del found[start : start + len(added)]
    for word, replaced in differs.instead.items():
        start = next(i for i in range(len(found)) if tuple(found[i : i + len(replaced)]) == replaced)
        found[start : start + len(replaced)] = [word]
    return found


def _compared() -> list[Transcript]:
    return [one for one in transcripts() if one.scenario in ("ok", "resume") and str(one) != "cline-3.0.65/resume"]


@pytest.mark.parametrize("transcript", _compared(), ids=str)
def test_the_command_line_is_the_recorded_one(transcript: Transcript) -> None:
    words = recorded(transcript)
    if transcript.cli == "pi":  # recorded with a file of its own; its id does as well and needs no name of ours
        i = words.index("--session")
        words = words[:i] + (["--session", transcript.meta["session_id"]] if transcript.scenario == "resume" else [])
    assert sorted(ours(transcript, words)) == sorted(words)
    assert ours(transcript, words)[0] == words[0]


@pytest.mark.parametrize("transcript", [one for one in _compared() if one.scenario == "ok"], ids=str)
def test_the_environment_has_all_that_was_recorded(transcript: Transcript) -> None:
    environment = transcript.adapter().environment(transcript.job())
    exempt = DIFFERENCES.get(transcript.cli, Differs()).env
    for name, value in transcript.meta["env"].items():
        if _THE_STUBS.fullmatch(name) or name in exempt or name == "CONTINUE_API_BASE":
            continue
        assert environment.get(name) == value.replace("$HOME", str(HOME)).replace("$WORK", str(WORK)), name


def _each() -> list[Adapter]:
    return [
        adapter(kind.names[0], {})
        for kind in sorted(set(adapters().values()), key=lambda kind: kind.names)
        if kind.binary
    ]


HOSTILE: Final = {
    "leading dash": "--dangerously-skip-permissions\n-p x",
    "quotes and newlines": "'\"$(id)`id`\\\n\r\n; rm -rf ~\t#",
    "slash command": "/config set x",
    "file reference": "@/etc/passwd see @~/.ssh/id_rsa",
    "300 KB": "ä" * 150_000,
    "half a character": "a\ud800b",
}


@pytest.mark.parametrize("one", _each(), ids=lambda one: one.name)
@pytest.mark.parametrize("prompt", HOSTILE.values(), ids=HOSTILE)
def test_no_prompt_reaches_a_command_line_or_the_environment(one: Adapter, prompt: str) -> None:
    for resume in (False, True):
        this, harmless = job(prompt, session="s", resume=resume), job("x", session="s", resume=resume)
        assert one.argv(this) == one.argv(harmless)
        assert one.environment(this) == one.environment(harmless)
        assert one.files(this) == one.files(harmless)
        assert all(len(word.encode()) < 4096 for word in one.argv(this))
        sent = one.stdin(this)
        assert one.prompt_on_stdin == bool(sent)
        assert not sent or len(sent) >= len(prompt)


@pytest.mark.parametrize("cli", ["claude", "gemini", "qwen", "cline"])
def test_files_and_commands_named_in_a_prompt_stay_text(cli: str) -> None:
    sent = adapter(cli, {}).stdin(job("/config\n@/etc/passwd mail a@b.example")).decode()
    assert not sent.startswith("/")
    assert all(sent[i + 1] == "\u200b" for i, letter in enumerate(sent) if letter == "@")


def test_a_prompt_with_a_nul_is_refused() -> None:
    with pytest.raises(Refused):
        job("a\0b")


@pytest.mark.parametrize("one", _each(), ids=lambda one: one.name)
def test_its_state_lies_in_the_runs_own_places_and_holds_no_secret(one: Adapter) -> None:
    environment = one.environment(job())
    for name, value in environment.items():
        assert not re.search(r"KEY|TOKEN|SECRET|PASSWORD", name), name
        if value.startswith("/"):
            assert value.startswith((str(HOME), str(RUN), str(WORK))), name
    for path in (*one.files(job()), *one.reads(job())):
        assert path.is_relative_to(HOME) or path.is_relative_to(RUN)
    assert not any(Path(name).is_absolute() or ".." in Path(name).parts for name in one.credentials)
    assert not any(name.startswith("AGENT_FLEET") for name in one.inherits)


@pytest.mark.parametrize("one", _each(), ids=lambda one: one.name)
def test_the_model_is_named_when_the_job_names_one(one: Adapter) -> None:
    told = [*one.argv(job(model="some/model-x")), *one.environment(job(model="some/model-x")).values()]
    assert "model-x" in " ".join(told)
    assert "model-x" not in " ".join(one.argv(job()))


@pytest.mark.parametrize(
    ("cli", "output", "version"),
    [
        ("codex", "WARNING: proceeding\ncodex-cli 0.169.0\n", "0.169.0"),
        ("claude", "2.1.330 (Claude Code)\n", "2.1.330"),
        ("gemini", "0.61.0\n", "0.61.0"),
        ("copilot", "GitHub Copilot CLI 1.0.102.\nRun 'copilot update' to check for updates.\n", "1.0.102"),
        ("aider", "aider 0.86.2\n", "0.86.2"),
        ("kimi", "kimi-cli has moved. Please install Kimi Code instead, 2.0.0 or newer.\n", ""),
        ("cline", "", ""),
    ],
)
def test_a_version_is_read_and_a_placeholder_has_none(cli: str, output: str, version: str) -> None:
    assert adapter(cli, {}).version(output) == version


def test_the_names_of_the_seed_and_of_the_recordings_are_known() -> None:
    for name in ("codex-cli", "claude-code", *(folder.name.rpartition("-")[0] for folder in folders())):
        assert name in adapters()
