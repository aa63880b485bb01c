"""Every sentence of `agent-fleet demo`."""


def demo_title(*, closing: bool) -> str:
    return "What became of the issues" if closing else "Issues on the demo's forge"


def demo_places(folder: str, forge: str, server: str) -> str:
    return f"A forge at {forge}, the fleet at {server}, two agents; everything lies in {folder}.\n{dashboard(server)}\n"


def dashboard(server: str) -> str:
    return f"Dashboard: {server}/ (sign in with the forge as bob, who may write, or as ann, who runs the fleet)"


def demo_kept(server: str, forge: str, config: str, writer: str, token: str) -> str:
    return (
        f"Still running, with work in every state. {dashboard(server)}. Ctrl-C ends it.\n"
        f"Its configuration is {config}. The forge has no pages, only Forgejo's API at {forge}/api/v1: "
        f"`Authorization: token {token}` is {writer}, who may write to ann/measures and so start agents.\n"
    )


def demo_ended(*, ok: bool) -> str:
    if not ok:
        return "The demo did not end as it should: see the table above for what is missing."
    return (
        "Every issue ended as it should, and all tests of the demo's repository pass.\n"
        "Forge, fleet and folder are gone; `.venv/bin/agent-fleet demo --keep` leaves them running.\n"
        "Next, with a Forgejo of your own: docs/tutorial/first-pull-request.md, or in short\n"
        "  agent-fleet init               writes the configuration\n"
        "  agent-fleet serve              runs the fleet\n"
        "  agent-fleet setup OWNER/REPO   makes labels and the webhook\n"
        "  agent-fleet agent --help       connects an agent"
    )


def demo_otherwise(number: int, ends: str, attempts: int, state: str, seen: int) -> str:
    return f"#{number}: expected {ends} after {attempts} tries, saw {state or 'nothing'} after {seen}."


def demo_part_failed(name: str, said: str) -> str:
    return f"The demo's {name} ended too early. It said:\n{said}"


def demo_part_silent(name: str) -> str:
    return f"The demo's {name} does not answer."


# --- demo --ssh ---------------------------------------------------------------------------------------------


def demo_needs(program: str) -> str:
    return f"`demo --ssh` starts an SSH server of its own, and there is no {program} on this machine."


def demo_install(package: str) -> str:
    return f"Install {package} (Debian, Ubuntu: `apt install {package}`), or run the demo without --ssh."


def demo_needs_linux() -> str:
    return "`demo --ssh` makes this machine a host, and hosts run Linux."


def demo_run_elsewhere() -> str:
    return "Run it on Linux, or run the demo without --ssh."


def demo_places_ssh(folder: str, forge: str, server: str, port: int) -> str:
    return (
        f"A forge at {forge}, the fleet at {server}, an SSH server on port {port} with two hosts behind it; "
        f"everything lies in {folder}.\n{dashboard(server)}\n"
    )


def demo_processes_title() -> str:
    return "Processes on the hosts"


def demo_killed(pid: int, processes: int) -> str:
    return f"kill -9 {pid}: the worker that watches over them is gone. {processes} processes on the hosts go on."


def demo_started_again(pid: int) -> str:
    return f"The worker is started again, as process {pid}."


def demo_adopted(runs: int) -> str:
    return f"It has adopted {runs} runs and reads on where it was."


def demo_closes(number: int, processes: int) -> str:
    return f"Somebody closes #{number}: its {processes} processes, which ignore SIGTERM, are to end."


def demo_none_left(number: int) -> str:
    return f"None of the processes of #{number} is left."


def demo_ended_ssh(*, ok: bool) -> str:
    if not ok:
        return "The demo did not end as it should: see above for what is missing."
    return (
        "Every issue ended as it should, each run was started once, and no process is left on the hosts.\n"
        "Next, with machines of your own: docs/how-to/prepare-a-host.md."
    )


def demo_not_shown(what: str) -> str:
    return f"Not seen: {what}."


def demo_the_kill() -> str:
    return "a worker killed and started again, with runs that go on"


def demo_the_adoption() -> str:
    return "runs adopted by the new worker"


def demo_the_cancelling() -> str:
    return "a cancelled run whose processes are gone"


def demo_leftovers(pids: str) -> str:
    return f"Processes left on the hosts: {pids}."


def demo_started_otherwise(wanted: int, started: int) -> str:
    return f"{started} runs were started, not {wanted}."
