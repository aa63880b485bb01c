"""What `agent-fleet import-seed` says about the configuration of an earlier agent-fleet, key by key."""

from collections.abc import Mapping, Sequence
from typing import Final

from bot.core import cleaning

#: What each key of the earlier configuration means here. Keys of hosts and of their agents without their numbers.
MEANS: Final[Mapping[str, str]] = {
    "server.bind": "The address to listen on. Beyond this machine, put a proxy with TLS in front and set public_url.",
    "server.port": "The port to listen on.",
    "forgejo.url": "The forge. One at a time, as before.",
    "forgejo.token": "The bot's token, with write:repository, write:issue and read:user. `agent-fleet doctor` checks.",
    "forgejo.webhook_secret": "Signs the forge's webhooks; unsigned ones are refused. `agent-fleet setup` makes them.",
    "orchestrator.db_path": "The SQLite database. It is a new one: tasks of the earlier service are not taken over.",
    "orchestrator.heartbeat_interval_secs": "How often agents are asked to say that they live.",
    "orchestrator.heartbeat_timeout_threshold": "Missed heartbeats after which an agent's tasks go back to the queue.",
    "orchestrator.task_timeout_secs": "Longest run of one attempt; on hosts all its processes are ended then.",
    "orchestrator.default_max_retries": "Retries after a failure of the task's own; lost runs do not count against it.",
    "orchestrator.dispatch_interval_secs": "Only a net beneath: work is handed out the moment it and a slot are there.",
    "orchestrator.http_pull_token": (
        "The enrolment token; earlier agents go on with it, until require_agent_tokens = true is set."
    ),
    "hosts": "The machines that agents are started on.",
    "hosts.host_id": "The host's name; its agents are called HOST_ID.AGENT_TYPE.",
    "hosts.hostname": "Where it is; localhost is this machine, without SSH.",
    "hosts.ssh_user": "The user that agents run as, on localhost too.",
    "hosts.ssh_port": "The port of its SSH server.",
    "hosts.ssh_key_path": "The key to log in with.",
    "hosts.work_dir": "The folder for workspaces; one per task, kept between attempts.",
    "hosts.agents": "Its agents.",
    "hosts.agents.agent_type": "Which agent CLI; it also meets the label agent:TYPE.",
    "hosts.agents.max_concurrency": "How many tasks it runs at once.",
    "hosts.agents.capabilities": "What it can do: X meets the label agent:X.",
}


def means(key: str) -> str:
    return MEANS.get(key, "A setting of this version, too.")


def moved(to: str) -> str:
    return f"It is called {to} here."


def taken_already(to: str) -> str:
    return f"It is called {to} here, which is set as well: that one counts."


def unknown() -> str:
    return "There is no such setting here, and it is left out."


def perhaps(suggestion: str) -> str:
    return f"There is no such setting here, and it is left out. {suggestion}"


def no_section(name: str) -> str:
    return f"It is left out: {name} is a section, [{name}] with keys below it."


def placeholder() -> str:
    return "It is still the placeholder of the example: put the true value in."


def wrong(reason: str, fix: str) -> str:
    return f"It {reason} {fix}".rstrip()


def other_database(to: str) -> str:
    return f"That file belongs to another program and is left alone; the new configuration says {to}."


def pin(host: str) -> str:
    return f"Compare and keep the host's key, once: `agent-fleet hosts add {host or 'HOST'}`."


def same_user(user: str) -> str:
    return (
        f"Agents would run as {user}, who runs this command, too: they could read its secrets. Name another user, whom "
        "sudo lets you become, or set allow_same_user = true."
    )


def other_user(user: str) -> str:
    return f"Agents on this machine run as {user}: sudo must let the service become that user."


def no_key_file(path: str) -> str:
    return f"There is no file {path} on this machine."


def line(key: str, verdict: str, said: str) -> str:
    return f"{cleaning.one_line(key)}: {verdict}. {said}"


def summary(total: int, attention: int) -> str:
    return f"{total} keys, {attention} of which need your attention."


def not_written(path: str) -> str:
    return f"Nothing was written to {path}: with these settings the service would not start."


def put_right_first() -> str:
    return "Put right what needs your attention in the earlier file, or write a new one with `agent-fleet init`."


def written(path: str) -> str:
    return f"Wrote {path}, readable by you alone."


def head(source: str) -> str:
    return (
        f"# Agent Fleet, from the configuration of an earlier agent-fleet ({source}). All settings: config.example.toml"
    )


def no_configuration(path: str, problems: Sequence[str]) -> str:
    return f"{path} cannot be read as a configuration: {' '.join(problems)}"
