"""Who may steer: the forge's word at this moment, or nobody."""

from bot.core.facts import Account, Right
from bot.service.fleet import Fleet, ref
from bot.store.forge_facts import KnownRepository


def right_of(fleet: Fleet, repo: KnownRepository, person: Account) -> Right:
    """What ``person`` may do in ``repo``: asked of the forge each time.

    Accounts of agents and of the bot never have a role, whatever the forge says. Where the forge will not tell
    (the bot is not repository admin), the list in the configuration counts; else UNKNOWN, which means no.
    Raises Unavailable when the forge does not answer: a look-up that failed is not a no.
    """
    forgejo = fleet.settings.forgejo
    if person.login.lower() in {x.lower() for x in forgejo.agent_accounts} or person.id == fleet.forge.me().id:
        return Right.NONE
    right = fleet.forge.repos.right_of(ref(repo), person)
    if right is Right.UNKNOWN:
        listed = [*forgejo.writers.get(repo.full_name, ()), *forgejo.writers.get("*", ())]
        right = Right.WRITE if person.login.lower() in {x.lower() for x in listed} else Right.UNKNOWN
    return right
