"""agent-fleet unsetup: let go of a repository, or of an organisation."""

import json
import os
from pathlib import Path

import click

from bot.cli.options import config_option, json_option
from bot.cli.places import chosen_place, org_option
from bot.core import setup_text as text
from bot.service.opening import opened
from bot.service.setup import let_go
from bot.service.setup_organization import OrgLetGo, let_go_of_org
from bot.settings import load
from bot.store.database import migrate


@click.command("unsetup")
@click.argument("repository", metavar="OWNER/REPO", required=False)
@org_option
@click.option("--dry-run", is_flag=True, help="Show what would be done and change nothing.")
@json_option
@config_option
def command(config: Path | None, repository: str | None, org: str | None, dry_run: bool, as_json: bool) -> None:
    """Delete our webhook from a repository and look at it no more.

    Labels, comments and pull requests are left as they are; other webhooks are not touched. Tasks that wait or run
    there go on until they are cancelled.
    """
    place = chosen_place(repository, org)
    settings = load(config, os.environ).settings
    migrate(settings.orchestrator.database)
    with opened(settings) as fleet:
        if org is not None:
            _organization(let_go_of_org(fleet, place, dry_run=dry_run), dry_run=dry_run, as_json=as_json)
            return
        gone = let_go(fleet, place, dry_run=dry_run)
    if as_json:
        said = {
            "repository": gone.repository.full_name,
            "dry_run": dry_run,
            "hooks": None if gone.hooks is None else list(gone.hooks),
            "was_watched": gone.was_watched,
        }
        click.echo(json.dumps(said, indent=2, ensure_ascii=False))
        return
    for hook_id in gone.hooks or ():
        click.echo(f"- {text.hook_line(gone.url, hook_id, '')}")
    name = gone.repository.full_name
    if gone.hooks is None:
        click.echo(text.unhook_by_hand(gone.repository.html_url, gone.url))
    if dry_run:
        click.echo(text.would_set_up(name))
    else:
        click.echo(text.let_go(name) if gone.hooks or gone.was_watched else text.was_not_set_up(name))


def _organization(gone: OrgLetGo, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        said = {
            "organization": gone.organization,
            "dry_run": dry_run,
            "hooks": None if gone.hooks is None else list(gone.hooks),
            "repositories": list(gone.repositories),
            "was_set_up": gone.was_set_up,
        }
        click.echo(json.dumps(said, indent=2, ensure_ascii=False))
        return
    for hook_id in gone.hooks or ():
        click.echo(f"- {text.hook_line(gone.url, hook_id, '')}")
    if gone.hooks is None:
        click.echo(text.unhook_by_hand(gone.page, gone.url))
    if dry_run:
        click.echo(text.would_set_up(gone.organization))
    else:
        done = gone.hooks or gone.repositories or gone.was_set_up
        click.echo(text.let_go(gone.organization) if done else text.was_not_set_up(gone.organization))
