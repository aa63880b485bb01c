"""Every sentence about hosts: how they are reached, what their wrapper refuses, what a check found."""

from collections.abc import Sequence


def unreachable(host: str, why: str) -> str:
    return f"{host} does not answer: {why}."


def check_the_address() -> str:
    return "Check hostname and ssh_port, that the machine is up, and that its SSH server can be reached from here."


def silent(secs: float) -> str:
    return f"nothing was heard for {secs:g} s"


def connection_lost() -> str:
    return "the connection broke before the answer was whole"


def no_session_free(secs: float) -> str:
    return f"no session became free within {secs:g} s"


def sessions_refused() -> str:
    return "its SSH server opens no session (see MaxSessions in its sshd_config)"


def auth_refused(host: str, user: str) -> str:
    return f"{host} does not let {user} in with this key."


def authorize_the_key(user: str) -> str:
    return (
        f"Put the public key into ~{user}/.ssh/authorized_keys there, and check ssh_user and ssh_key_path. If both are "
        f"right, the log of its SSH server says why: often a locked account, or a home that others may write to."
    )


def key_unusable(path: str, why: str) -> str:
    return f"The SSH key {path} cannot be used: {why}."


def check_key_file() -> str:
    return (
        "Check ssh_key_path (the private key, not the .pub), ssh_key_passphrase_file and that this user may read both."
    )


def no_key_at_all() -> str:
    return "There is neither a key file nor a key in the SSH agent."


def host_key_unknown(host: str, fingerprint: str) -> str:
    return f"The host key of {host} is not known here; it shows {fingerprint}."


def pin_the_key(host: str) -> str:
    return f"Compare that with the host itself, then run `agent-fleet hosts add {host}`."


def host_key_changed(host: str, fingerprint: str, pinned: Sequence[str]) -> str:
    return (
        f"{host} shows the host key {fingerprint}, not the pinned {' or '.join(pinned)}: "
        "it was set up anew, or somebody stands between."
    )


def unpin_first(where: str) -> str:
    return f"Nothing was sent. If the change is yours, remove the old key from {where} and pin the new one."


def known_hosts_unreadable(path: str, why: str) -> str:
    return f"The known_hosts file {path} cannot be read: {why}."


def no_common_algorithm(host: str, why: str) -> str:
    return f"{host} and we share no algorithm that is still safe ({why})."


def update_the_server() -> str:
    return "Update its SSH server (OpenSSH 7.4 or newer)."


def same_user(user: str) -> str:
    return f"Agents would run as {user}, who also runs the orchestrator: they could read its tokens and database."


def use_another_user() -> str:
    return "Name another user in ssh_user, or set allow_same_user = true if nothing is lost by it."


def no_such_user(user: str) -> str:
    return f"There is no user {user} on this machine."


def make_the_user(user: str) -> str:
    return f"Create it, for instance with `useradd --create-home {user}`."


def cannot_switch(user: str) -> str:
    return f"This user may not run commands as {user}: sudo is missing or asks for a password."


def allow_sudo(user: str) -> str:
    return f"Allow it in sudoers: `<this user> ALL=({user}) NOPASSWD: /bin/sh`."


def no_systemd_run() -> str:
    return "There is no systemd-run on this machine."


def use_sudo() -> str:
    return 'Set run_as = "sudo", or install systemd.'


def not_an_identifier(word: str) -> str:
    return f"{word[:80]!r} cannot name anything on a host: 1 to 64 of A-Z a-z 0-9 . _ - and no dot in front."


def nul_in_request(what: str) -> str:
    return f"{what} holds a NUL, which no program can be given."


def word_too_long(what: str, limit: int) -> str:
    return f"{what} has more than {limit} bytes, the most that Linux gives to a program in one word."


def put_it_in_the_prompt() -> str:
    return "Hand it over in the prompt or in a file."


def bad_command_word(word: str) -> str:
    return f"{word[:80]!r} is no command."


def not_relative(path: str) -> str:
    return f"{path[:80]!r} is not a path inside the run's home."


#: What the wrapper's kinds of refusal mean; the words of the host follow.
KINDS = {
    "no_space": "{host} has no space left in its work_dir.",
    "busy": "Something is still running there on {host}.",
    "stale_fence": "A newer attempt owns this workspace on {host}.",
    "unsafe": "The work_dir of {host} is not safe to use.",
    "incomplete": "{host} did not get the whole request.",
    "unknown_run": "{host} knows no such run.",
    "unknown_workspace": "{host} has no such workspace.",
    "no_source": "{host} does not have this commit.",
    "source": "{host} could not take in the source.",
    "file_size": "The agent left a file on {host} that is too large to publish.",
    "no_file": "{host} has no such file.",
    "git": "Git failed on {host}.",
    "io": "{host} could not write or read a file.",
    "install": "The wrapper could not be put on {host}.",
    "request": "{host} did not understand the request.",
}
FIXES = {
    "no_space": "Free some there: `agent-fleet hosts check` shows how much is left.",
    "unsafe": "work_dir must be a directory that ssh_user owns and nobody else writes to.",
    "install": "Check that work_dir exists and belongs to ssh_user.",
    "file_size": "Make it smaller or have it ignored.",
}


def refused_by_host(host: str, kind: str, words: str) -> str:
    said = f" It says: {words}" if words else ""
    return KINDS.get(kind, "{host} refused.").format(host=host) + said


def fix_for(kind: str) -> str:
    return FIXES.get(kind, "")


def not_our_answer(host: str, code: int, words: str) -> str:
    said = f": {words}" if words else ""
    return f"{host} did not answer as the wrapper does (exit code {code}){said}."


def look_at_login_shell() -> str:
    return "Check that its login shell runs commands and that sh, coreutils and util-linux are there."


def too_much(host: str, limit: int) -> str:
    return f"{host} answered with more than {limit} bytes."


def hook_failed(host: str, name: str, code: int, tail: str) -> str:
    how = "took too long" if code in (124, 137) else f"ended with {code}"
    return f"The hook {name} of {host} {how}: {tail.strip()[-400:]}"


def check_the_hook(name: str) -> str:
    return f"Check hooks.{name} of this host in the configuration."


def quarantined(host: str, failures: int, why: str) -> str:
    return f"{host} is set aside after {failures} failures in a row: {why}"


def not_asked_yet(host: str) -> str:
    return f"{host} has not answered yet."


def host_is_not_configured(host: str) -> str:
    return f"The configuration does not name the host {host} any more; its run was given up."


def supervisor_failed(run_id: str) -> str:
    return f"The orchestrator itself failed, again and again, while it watched the run {run_id}; its log says how."


def agent_is_not_configured(agent: str) -> str:
    return f"The configuration does not name {agent} any more."


def run_ended_there(host: str, why: str) -> str:
    return f"The run could not be carried out on {host}: {why}."


def output_limit(limit: int) -> str:
    return f"The agent command printed more than {limit} bytes and was ended."


def log_full() -> str:
    return "its file system is full or broken"


def job_not_understood() -> str:
    return "the request did not arrive whole"


def secret_file_missing() -> str:
    return "a file named in env_files cannot be read there"


# --- agent-fleet hosts --------------------------------------------------------------------------------------


def no_such_host(name: str, known: Sequence[str]) -> str:
    return f"There is no host {name} in the configuration ({', '.join(known) or 'there is none at all'})."


def no_hosts() -> str:
    return "The configuration names no host; agents that pull need none."


def host_line(host_id: str, where: str, user: str, agents: Sequence[str]) -> str:
    return f"{host_id}  {user}@{where}  {', '.join(agents)}"


def reached(host: str, cold_ms: float, warm_ms: float) -> str:
    return f"{host} answers: first in {cold_ms:.0f} ms, then in {warm_ms:.1f} ms."


def slow_profile(warm_ms: float) -> str:
    return f"{warm_ms:.0f} ms per command is slow: the login shell's profile (.bashrc) probably does too much."


def facts(uname: str, git: str, free_gib: float, cpus: int) -> str:
    return f"{uname}, {git}, {free_gib:.1f} GiB free, {cpus} processors"


def cli_found(name: str, version: str) -> str:
    return f"{name}: {version or 'there'}"


def no_such_type(agent_type: str) -> str:
    return f"names an agent type that does not exist, {agent_type!r}."


def type_without_command(agent_type: str) -> str:
    return f"is {agent_type!r}, which has no command by itself."


def add_its_command(agent_type: str) -> str:
    return f"Say under [adapters.{agent_type}] which command it is."


def relative_command(command: str) -> str:
    return f"is {command!r}, which a host would look for in the repository that is worked on."


def full_command() -> str:
    return "Give the full path on the host, or a name found on the PATH there."


def cli_missing(name: str) -> str:
    return f"{name}: not found. Install it for ssh_user, in a folder on the PATH of its non-interactive shell."


def logged_in_by_file(name: str, path: str) -> str:
    return f"{name}: logged in (by the file ~/{path})"


def logged_in_by_variable(name: str, variable: str) -> str:
    return f"{name}: logged in (by the variable {variable})"


def no_log_in(name: str, files: Sequence[str], variables: Sequence[str]) -> str:
    ways = [f"log in once as ssh_user (makes ~/{files[0]})"] if files else []
    if variables:
        ways.append(f'put a key into a file there and name it in the entry: env_files = {{ {variables[0]} = "/…" }}')
    how = ", or ".join(ways)
    return f"{name}: no log-in found. {how[0].upper()}{how[1:]}."


def env_file_trouble(variable: str, path: str, state: str) -> str:
    what = {
        "missing": "is not there: runs that need it will not start. Create it, or correct env_files",
        "unreadable": "cannot be read by ssh_user: runs that need it will not start. Give it to that user",
        "open": "can be read by other users. Run `chmod 600` on it",
    }[state]
    return f"{variable}: {path} {what}."


def tools_missing(names: Sequence[str]) -> str:
    return f"Missing: {', '.join(names)}. Install git, coreutils, util-linux, findutils and grep."


def old_git(found: str, wanted: str) -> str:
    return f"{found} is too old; {wanted} or newer is needed."


def clock_off(secs: int) -> str:
    return f"Its clock is off by {secs} s; set up time synchronisation."


def little_space(free_gib: float) -> str:
    return f"Only {free_gib:.1f} GiB are free in work_dir."


def all_good() -> str:
    return "Everything needed is there."


def shows_key(where: str, kind: str, fingerprint: str) -> str:
    return f"{where} shows the host key {fingerprint} ({kind})."


def compare_with() -> str:
    return "On the host itself `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` prints what it should be."


def is_it_right() -> str:
    return "Is it the right one?"


def pinned(path: str) -> str:
    return f"Pinned in {path}."


def already_pinned(path: str) -> str:
    return f"It is pinned in {path} already."


def not_pinned() -> str:
    return "Nothing was pinned."


def local_needs_no_key(host: str) -> str:
    return f"{host} is this machine; there is no host key to pin."


def problems_found(host: str, count: int) -> str:
    return f"{host} is not ready: {count} thing{'s' if count > 1 else ''} to put right (above)."
