"""Sentences about a run of an agent CLI: what the adapters say of its end, and of themselves in the reference."""


def task_follows() -> str:
    return "The task is described below."


def read_the_file(path: str) -> str:
    return f"Read the file {path} and do what it says."


def killed(signal: int | None, last_trouble: str) -> str:
    how = "The agent was ended" if signal is None else f"The agent was ended by signal {signal}"
    return f"{how}; it was waiting because of: {last_trouble}" if last_trouble else f"{how}."


def no_result(exit_code: int | None, last_words: str) -> str:
    ending = f"The agent ended with exit code {exit_code} and without reporting a result"
    return f"{ending}: {last_words}" if last_words else f"{ending}."


def result_but_failed(exit_code: int | None) -> str:
    return f"The agent reported a result, but ended with exit code {exit_code}."


def no_words() -> str:
    return "The agent reported a failure without saying why."
