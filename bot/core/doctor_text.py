"""What `agent-fleet doctor` says: what was looked at, what is wrong, and how to put it right."""

from collections.abc import Sequence


def line(state: str, subject: str, said: str) -> str:
    about = f"{subject}: " if subject else ""
    return f"{state:<4}  {about}{said}"


def how(fix: str) -> str:
    return f"      → {fix}"


def verdict(fails: int, warnings: int) -> str:
    if fails:
        return f"{_many(fails, 'thing')} must be put right" + (f", {_many(warnings, 'warning')}." if warnings else ".")
    return f"Nothing is broken, {_many(warnings, 'warning')}." if warnings else "Everything is as it should be."


def run(command: str) -> str:
    return f"Run `{command}`."


# --- Configuration ---------------------------------------------------------------------------------------------


def config_read(files: Sequence[str]) -> str:
    return f"The configuration is right ({', '.join(files) or 'no file, variables only'})."


def config_wrong(key: str, reason: str) -> str:
    return f"{key} {reason}"


def see_config() -> str:
    return "See docs/reference/configuration.md, then: agent-fleet config check"


def config_open(path: str) -> str:
    return f"Other users of this machine can read {path}, which holds secrets."


def config_private() -> str:
    return "Nobody else can read the configuration file."


# --- Machine ---------------------------------------------------------------------------------------------------


def space(path: str, gib: float) -> str:
    return f"{gib:.1f} GiB are free in {path}."


def kept(parts: Sequence[tuple[str, int, int]]) -> str:
    """``parts`` are kind, bytes, and the limit in bytes (0 = none)."""
    said = [f"{kind} {_size(size)}" + (f" of {_size(limit)}" if limit else "") for kind, size, limit in parts]
    return f"Kept for a while: {', '.join(said)}."


def over_limit(kinds: Sequence[str]) -> str:
    return (
        f"Over the limit: {', '.join(kinds)}. What is left belongs to tasks that are not over, or the worker has not "
        "come to it: is it running? Raise the limit under [orchestrator] otherwise."
    )


def _size(count: int) -> str:
    mib = count / 1024**2
    return f"{mib / 1024:.1f} GiB" if mib >= 1024 else f"{mib:.1f} MiB"


def little_space(path: str, gib: float) -> str:
    return f"Only {gib:.1f} GiB are free in {path}: when it is full, webhooks are refused and no result is taken."


def make_space(path: str) -> str:
    return f"Free some space on the disk of {path}, or move it: data_dir and db_path under [orchestrator]."


def no_folder(path: str) -> str:
    return f"The data folder {path} is not there or cannot be written."


def let_us_write(path: str) -> str:
    return f"Make {path} and give it to the user who runs Agent Fleet."


def no_database(path: str) -> str:
    return f"There is no database {path} yet."


def schema_old(path: str, names: Sequence[str]) -> str:
    return f"The database {path} is older than this program: {', '.join(names)} not applied."


def database_good(path: str) -> str:
    return f"The database {path} is whole and up to date."


def database_answers(where: str) -> str:
    return f"The database {where} answers and is up to date."


def database_broken(path: str, said: str) -> str:
    return f"The database {path} is damaged: {said}."


def restore_it(path: str) -> str:
    return f"Stop the service, move {path} away and run `agent-fleet restore BACKUP` with your newest backup."


def database_open(path: str) -> str:
    return f"Other users of this machine can read the database {path}."


def put_aside(count: int) -> str:
    return f"{_many(count, 'webhook')} made our own code fail and were put aside; nothing was lost."


def report_it() -> str:
    return "Look for 'webhook could not be dealt with' in the worker's log, and report it with what stands there."


def nothing_put_aside() -> str:
    return "Every webhook could be dealt with."


def outbox_behind(count: int, error: str) -> str:
    return f"{_many(count, 'change')} could not be shown on the forge yet; the last answer was: {error or 'none'}"


def outbox_waits() -> str:
    return "They are tried again by themselves; put right what the lines about the forge say."


def outbox_good() -> str:
    return "The forge shows everything it should."


def worker_runs() -> str:
    return "A worker runs, and all of its loops come round."


def no_worker() -> str:
    return "No worker runs on this database: webhooks are kept, but nothing is done with them."


def start_it() -> str:
    return "Start it: `agent-fleet serve` (web and worker), or `agent-fleet worker` beside the web processes."


def worker_stuck(names: Sequence[str]) -> str:
    return f"A worker runs, but nothing was heard for minutes of: {', '.join(names)}."


def restart_worker() -> str:
    return "Look at its log, then restart it; nothing is lost by that."


def server_answers(url: str) -> str:
    return f"This service answers at {url}."


def server_silent(url: str, why: str) -> str:
    return f"Nothing answers at {url}/healthz: {why}."


def server_stranger(url: str) -> str:
    return f"Something answers at {url}, but it is not Agent Fleet."


def check_address() -> str:
    return "Start the service, and let public_url under [server] lead to it (through the proxy, when there is one)."


def free_the_port() -> str:
    return "Give Agent Fleet a port of its own: port under [server], and the same in the proxy and in public_url."


# --- Forge -----------------------------------------------------------------------------------------------------


def forge_version(version: str) -> str:
    return f"The forge answers: version {version}."


def forge_old(version: str, least: int) -> str:
    return f"The forge is version {version}; Agent Fleet needs Forgejo {least} or newer."


def upgrade_forge(least: int) -> str:
    return f"Upgrade it to Forgejo {least} or newer."


def forge_silent(why: str) -> str:
    return why


def no_forge(url: str) -> str:
    return f"What answers at {url} is not a Forgejo."


def check_forge(url: str) -> str:
    return f"Is {url} right (url under [forgejo]), and is the forge up? Try: curl {url}/api/v1/version"


def clock_good(secs: float) -> str:
    return f"Our clock and the forge's agree ({secs:+.0f} s)."


def clock_off(secs: float) -> str:
    return (
        f"Our clock is {abs(secs):.0f} s {'ahead of' if secs > 0 else 'behind'} the forge's: times in logs and "
        "receipts do not fit together, and missed webhooks may be looked for in the wrong hour."
    )


def set_clock() -> str:
    return "Let both machines keep their time by NTP (timedatectl set-ntp true)."


def token_good(login: str) -> str:
    return f"The token is {login}'s."


def token_refused() -> str:
    return "The forge does not accept the bot's token."


def new_token(url: str) -> str:
    return (
        f"Log in as the bot, make a token at {url}/user/settings/applications with write:repository, write:issue and "
        "read:user, and set token under [forgejo]."
    )


def scope_missing(scope: str) -> str:
    return f"The bot's token lacks the scope {scope}."


def other_account(login: str, wanted: str) -> str:
    return f"The token is {login}'s, but bot_login says {wanted}: the bot would not know its own comments."


def set_bot_login(login: str) -> str:
    return f'Set bot_login = "{login}" under [forgejo], or leave bot_login and bot_id out.'


def is_site_admin(login: str) -> str:
    return f"{login} administers the whole forge: whoever gets the token has everything."


def no_site_admin(login: str) -> str:
    return f"Use an ordinary account: take the administrator's right from {login} (Site administration, Users)."


def is_agent_account(login: str) -> str:
    return f"{login} is the bot and also listed in agent_accounts."


def not_agent_account(login: str) -> str:
    return f"Take {login} out of agent_accounts under [forgejo]."


# --- Repositories ----------------------------------------------------------------------------------------------


def no_repository() -> str:
    return "No repository is set up: nothing will ever happen."


def set_one_up() -> str:
    return "Run `agent-fleet setup OWNER/REPO` for one."


def repository_gone() -> str:
    return "The bot does not find it: it is gone, or the bot may not see it."


def invite(login: str) -> str:
    return f"Add {login} as a collaborator with the right 'administrator', or, if it is gone on purpose, leave it so."


def right_good(right: str) -> str:
    return f"The bot's right is {right}."


def right_too_small(right: str) -> str:
    return f"The bot may only {right}: it can neither set labels nor push."


def right_write_only() -> str:
    return "The bot may write, but does not administer it: it sees neither webhooks nor who may start work."


def give_right(login: str, page: str) -> str:
    return f"Give {login} the right 'administrator' at {page}/settings/collaboration"


def or_list_writers() -> str:
    return ", or list who may start work in writers under [forgejo] and make the webhook by hand."


def labels_good(count: int) -> str:
    return f"All {count} labels are there."


def labels_wrong(names: Sequence[str]) -> str:
    return f"{_many(len(names), 'label')} missing or not exclusive: {', '.join(names)}."


def labels_of_agents(names: Sequence[str]) -> str:
    return f"Agents came by that nobody can ask for by a label here yet: {', '.join(names)}."


def hook_good() -> str:
    return "The webhook is there, active, and sends what is needed."


def hook_missing() -> str:
    return "It has no webhook to us: labels and comments are only noticed by the sweep."


def hook_wrong(why: str) -> str:
    said = {
        "inactive": "is switched off",
        "events": "does not send every event that is needed",
        "form": "does not send JSON",
        "filtered": "only sends some branches",
        "double": "is there twice",
    }.get(why, "is not as it should be")
    return f"The webhook {said}."


def hook_unseen() -> str:
    return "The forge does not show its webhooks to the bot, so they are not checked."


def needs_admin() -> str:
    return "Give the bot the right 'administrator', or make the webhook by hand as the command says."


def delivery_good() -> str:
    return "A test delivery arrived, signed with our secret."


def delivery_refused() -> str:
    return "The forge's test delivery came, but was signed with another secret, so it was refused."


def delivery_missing(url: str) -> str:
    return f"The forge was asked for a test delivery, but none has come to {url}."


def delivery_causes(allow: str) -> str:
    allowed = f"ALLOWED_HOST_LIST = external, {allow}" if allow else "ALLOWED_HOST_LIST = external"
    return (
        "Is the server running, and does public_url lead to it from the forge's machine? Then let Forgejo call it: "
        f"{allowed} under [webhook] in its app.ini, and restart Forgejo. The webhook's page shows what Forgejo saw."
    )


def delivery_untested() -> str:
    return "It has no commit yet, so the forge cannot test its webhook."


def push_first() -> str:
    return "Push a first commit, then run doctor again."


# --- Hosts -----------------------------------------------------------------------------------------------------


def host_good(ms: float) -> str:
    return f"It answers in {ms:.0f} ms and has what its agents need."


def see_how_to(host: str) -> str:
    return f"See docs/how-to/prepare-a-host.md, then: agent-fleet hosts check {host}"


def skipped(why: str) -> str:
    return f"The forge and its repositories were not looked at: {why}."


def because_of(check: str) -> str:
    return f"that needs the {check}"


def mend_first(check: str) -> str:
    return f"First put right what is said about the {check}, then run doctor again."


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
