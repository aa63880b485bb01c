"""Every sentence of the pull agent and the adapters: at its terminal, and as a run's outcome on the forge."""

from collections.abc import Sequence


def prompt_holds_nul() -> str:
    return "The prompt holds a NUL character, which no command can be given."


def unknown_adapter(agent_type: str) -> str:
    return f"There is no agent type {agent_type!r}."


def known_adapters(known: Sequence[str], nearest: Sequence[str]) -> str:
    meant = f"Did you mean {nearest[0]}? " if nearest else ""
    return f"{meant}There are {', '.join(known)}; [adapters.NAME] in the configuration adds one of your own."


def exec_without_command() -> str:
    return "The agent type exec needs a command."


def give_it_a_command() -> str:
    return 'Give --command "…", or a command under [adapters.exec] in the configuration.'


def command_failed(exit_code: int | None, signal: int | None, last_line: str) -> str:
    how = f"exit code {exit_code}" if signal is None else f"signal {signal}"
    return f"The agent command ended with {how}{f': {last_line}' if last_line else ', and printed nothing.'}"


def unreachable(why: str) -> str:
    return f"The server cannot be reached: {why}"


def server_trouble(status: int) -> str:
    return f"The server cannot answer now (HTTP {status})."


def strange_answer(path: str) -> str:
    return f"What answers {path} does not speak as an Agent Fleet server does."


def refused_without_words(status: int, path: str) -> str:
    return f"The server refuses {path} with HTTP {status} and no further words. Is it an Agent Fleet, not the forge?"


def bad_server(url: str) -> str:
    return f"{url!r} is not the address of a server."


def server_like() -> str:
    return "Give an address such as https://fleet.example.org, without a password in it."


def token_unreadable(path: str, why: str) -> str:
    return f"The token file {path} cannot be read: {why}."


def no_token_in(path: str) -> str:
    return f"{path} holds no token."


def one_token_per_file() -> str:
    return "Write the token, and nothing else, into it; `agent-fleet agents token NAME` makes one."


def token_in_reach() -> str:
    return "The token file lies among the workspaces, where agents could read it."


def move_the_token() -> str:
    return "Move it out of the work directory, readable by this user only."


def token_open(path: str) -> str:
    return f"Warning: other users may read {path}. Run: chmod 600 {path}"


def work_dir_taken() -> str:
    return "Another agent works in this work directory."


def give_another_work_dir() -> str:
    return "Give each agent a --work-dir of its own, or end the other one first."


def bad_agent_id(name: str) -> str:
    return f"{name!r} cannot be an agent's id."


def agent_starts(agent_id: str, agent_type: str, server: str) -> str:
    return f"Agent {agent_id} ({agent_type}) asks {server} for work."


def log_left_out(size: int) -> str:
    return f"… {size} bytes left out …"


def run_ended_by_us(why: str, secs: float) -> str:
    if why == "timeout":
        return f"The agent command was still running after {secs:g} s and was ended."
    if why == "stall":
        return f"The agent command was silent for {secs:g} s and was ended."
    return f"The agent command was ended: {why}."


def untitled_work() -> str:
    return "Work of an agent"


def nothing_changed() -> str:
    return "The agent command ended well but changed nothing and did not say why."


def changed_all_the_same(why: str) -> str:
    return f"The agent said that nothing has to be changed ({why}), but it did change files."


def handed_back() -> str:
    return "The agent was stopped."


def crashed() -> str:
    return "The agent's program ended without warning while it had this task."


def run_broke_off(what: str) -> str:
    return f"The agent's program could not go on with this task: {what}"


def stopped() -> str:
    return "stopped"


def bare_task(title: str, prompt: str) -> str:
    """A prompt for servers that send none; it begins with a line of ours, so nothing in it is taken for an option."""
    return f"# Task: {title or 'untitled'}\n\n{prompt}\n\nDo not push: your changes are taken over when you end.\n"


def one_kind_of_token() -> str:
    return "Give either --token-file or --actions-token."
