"""Who may steer: the forge's word at this moment, or nobody."""

from bot.core.facts import Account, Right
from bot.service.fleet import Fleet, ref
from bot.store.forge_facts import KnownRepository


def is_program(fleet: Fleet, person: Account) -> bool:
    """Accounts of agents and of the bot: whatever the forge says, they steer nothing."""
    robots = {x.lower() for x in fleet.settings.forgejo.agent_accounts}
    return person.id <= 0 or person.login.lower() in robots or person.id == fleet.forge.me().id


def people_with(fleet: Fleet, repo: KnownRepository, right: Right) -> list[str]:
    """Logins of people who have at least ``right`` there, as far as the forge tells."""
    robots = {fleet.forge.me().login.lower(), *(x.lower() for x in fleet.settings.forgejo.agent_accounts)}
    return [x for x in fleet.forge.repos.people_with(ref(repo), right) if x.lower() not in robots]


def right_of(fleet: Fleet, repo: KnownRepository, person: Account, told: Right = Right.UNKNOWN) -> Right:
    """What ``person`` may do in ``repo``: asked of the forge each time.

    Accounts of agents and of the bot never have a role, whatever the forge says. Where the forge will not tell
    (the bot is not repository admin), what a signed webhook has ``told`` of this person counts, then the list in the
    configuration; else UNKNOWN, which means no.
    Raises Unavailable when the forge does not answer: a look-up that failed is not a no.
    """
    forgejo = fleet.settings.forgejo
    if is_program(fleet, person):
        return Right.NONE
    right = fleet.forge.repos.right_of(ref(repo), person)
    if right is Right.UNKNOWN:
        right = told
    if right is Right.UNKNOWN:
        listed = [*forgejo.writers.get(repo.full_name, ()), *forgejo.writers.get("*", ())]
        right = Right.WRITE if person.login.lower() in {x.lower() for x in listed} else Right.UNKNOWN
    return right
