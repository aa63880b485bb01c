"""agent-fleet receipts: check signed receipts, without this fleet or its configuration; print them and their keys."""

import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click

from bot import signing
from bot.cli.failures import Failure
from bot.cli.opening import opened_store
from bot.cli.options import answer, config_option, json_option
from bot.core import canonical, receipts
from bot.core import receipt_check_text as text
from bot.core.errors import Refused, Unavailable
from bot.settings import load

#: How `verify` ends. 2 is click's own: wrong usage, a file or key that cannot be read.
HOLDS: Final = 0
CHANGED: Final = 1
NOT_VERIFIED: Final = 3
CHAIN_BROKEN: Final = 4
FORGE_DIFFERS: Final = 5
FORGE_SILENT: Final = 6

Json = dict[str, Any]


@click.group("receipts")
def command() -> None:
    """Check, show and sign receipts of what agents did."""


@command.command("verify")
@click.argument("files", nargs=-1, required=True, type=click.File("rb"), metavar="FILE...")
@click.option(
    "--pubkey",
    "pubkeys",
    multiple=True,
    required=True,
    metavar="KEY",
    help="Public key you trust: a PEM file, or the key itself (ssh-ed25519 … or base64); may be given again.",
)
@click.option("--complete", is_flag=True, help="Demand the chain from a repository's first receipt on.")
@click.option("--online", is_flag=True, help="Also ask the forge of the configuration whether it still says the same.")
@config_option
@json_option
@click.pass_context
def verify(
    ctx: click.Context,
    files: Sequence[Any],
    pubkeys: Sequence[str],
    complete: bool,
    online: bool,
    config: Path | None,
    as_json: bool,
) -> None:
    """Check receipts (JSON, or one per line as in a git note; - is stdin) against public keys.

    Needs no configuration, database or network unless --online.

    \b
    Ends with 0: signed, unchanged, chained, and verdict verified
              1: changed, not signed with these keys, or no receipt
              2: wrong usage, unreadable file or key
              3: genuine, but its verdict is not "verified"
              4: a predecessor is missing or was exchanged
              5: --online: the forge says otherwise
              6: --online: the forge does not answer
    """
    keys = {signing.key_id(key): key for key in map(_public_key, pubkeys)}
    found, lines, code = _read(files)
    for name, receipt in found:
        problem = receipts.problem_with(name, receipt, keys, signing.fits)
        code = code or (CHANGED if problem else HOLDS)
        lines.append(problem or _holds(name, receipt))
    if not code:
        report = receipts.chains((receipt for _, receipt in found), complete=complete)
        lines += [*report.broken, *report.notes]
        unverified = any(receipts.result_of(receipt) != "verified" for _, receipt in found)
        code = CHAIN_BROKEN if report.broken else NOT_VERIFIED if unverified else HOLDS
    if online and code in (HOLDS, NOT_VERIFIED):
        differs, said = _online(config, found)
        lines += said
        code = differs or code
    if as_json:
        click.echo(json.dumps({"exit_code": code, "said": lines}, indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(lines))
    ctx.exit(code)


@command.command("show")
@click.argument("what", metavar="TASK|OWNER/NAME")
@config_option
def show(config: Path | None, what: str) -> None:
    """Print the signed receipts of a task (an id or OWNER/NAME#ISSUE), or a repository's chain, one per line."""
    from bot.cli.named_task import task_named
    from bot.store import forge_facts, signed_receipts

    settings = load(config, os.environ, for_bot=False).settings
    with opened_store(settings) as store:
        if "/" in what and "#" not in what:
            repo = store.read(lambda sql: forge_facts.repo_named(sql, what))
            after, shown = 0, 0
            while repo and (page := store.read(lambda sql, n=after: signed_receipts.of_repo(sql, repo.id, n))):  # type: ignore[misc]
                for one in page:
                    click.echo(one.body)
                after, shown = page[-1].number, shown + len(page)
        else:
            named = store.read(lambda sql: task_named(sql, what)).id if "#" in what else what
            found = store.read(lambda sql: signed_receipts.of_task(sql, named))
            shown = len(found)
            for one in found:
                click.echo(one.body)
    if not shown:
        raise Refused(text.no_receipt_of(what), text.when_receipts_come(), 404, "no_such_receipt")


@command.command("key")
@click.option("--all", "every", is_flag=True, help="Also the keys that signed before.")
@json_option
@config_option
def key(config: Path | None, every: bool, as_json: bool) -> None:
    """Print the public key that readers verify with (PEM); it is made when there is none yet."""
    from bot.service import receipt_key
    from bot.service.opening import opened
    from bot.store import signed_receipts

    with opened(load(config, os.environ, for_bot=False).settings) as fleet:
        receipt_key.ready(fleet)
        found = fleet.read(signed_receipts.keys)
    chosen = found if every else found[:1]
    if as_json:
        answer({"keys": [{"key_id": x.key_id, "pem": signing.public_pem(x.public)} for x in chosen]}, [], as_json=True)
        return
    for one in chosen:
        click.echo(f"key {one.key_id}", err=True)
        click.echo(signing.public_pem(one.public), nl=False)


@command.command("rotate-key")
@json_option
@config_option
def rotate_key(config: Path | None, as_json: bool) -> None:
    """Sign with a new key from now on: regularly, after a leak, or when the old one is lost."""
    from bot.service import receipt_key

    settings = load(config, os.environ, for_bot=False).settings
    with opened_store(settings) as store:
        old, new = receipt_key.rotate(store, settings.orchestrator.data_path, time.time())
    answer({"old": old, "new": new.key_id}, [text.key_rotated(old, new.key_id)], as_json=as_json)


def _public_key(told: str) -> bytes:
    path = Path(told)
    try:
        written = path.read_text("utf-8") if len(told) < 4096 and path.is_file() else told
        return signing.parse_public(written)
    except (OSError, UnicodeDecodeError, ValueError) as problem:
        raise click.BadParameter(str(problem), param_hint="--pubkey") from problem
    except Refused as refused:
        raise click.BadParameter(refused.reason, param_hint="--pubkey") from refused


def _read(files: Sequence[Any]) -> tuple[list[tuple[str, Json]], list[str], int]:
    """Named receipts, what is to be said of the others, and the exit code so far."""
    found: list[tuple[str, Json]] = []
    lines: list[str] = []
    for file in files:
        called = str(getattr(file, "name", "<stdin>"))
        try:
            held = receipts.lines(file.read())
        except canonical.NotCanonical as problem:
            lines.append(text.unreadable(called, str(problem)))
            continue
        several = len(held) > 1
        found += [(f"{called}:{n}" if several else called, one) for n, one in enumerate(held, 1)]
    return found, lines, CHANGED if lines else HOLDS


def _holds(name: str, receipt: Mapping[str, Any]) -> str:
    rules = [
        text.rule_line(str(c.get("rule")), str(c.get("name")), str(c.get("verdict")), str(c.get("observed")))
        for c in receipts.checks_of(receipt)
    ]
    head = text.holds(name, int(receipt["number"]), receipts.repo_of(receipt), receipts.result_of(receipt))
    return "\n".join([head, *rules])


def _online(config: Path | None, found: Sequence[tuple[str, Json]]) -> tuple[int, list[str]]:
    """Only the configured forge is asked; no address in a receipt is ever fetched."""
    from bot.forge import Api, Forge
    from bot.service import receipts_online

    settings = load(config, os.environ).settings
    f = settings.forgejo
    forge = Forge(Api(f.url, f.token.get_secret_value(), timeout_secs=f.request_timeout_secs, ca_file=f.ca_file))
    lines, code = [], HOLDS
    try:
        for name, receipt in found:
            differs = receipts_online.differences(forge, receipt)
            lines += [text.online_differs(name, one) for one in differs] or [text.online_agrees(name)]
            code = FORGE_DIFFERS if differs else code
    except Unavailable as silent:
        return FORGE_SILENT, [*lines, silent.what]
    except Refused as refused:
        raise Failure(refused.reason, [refused.fix] if refused.fix else []) from refused
    finally:
        forge.close()
    return code, lines
