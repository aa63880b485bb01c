"""Publishing a signed receipt on the forge: a git note on its commit, an attachment at its issue. Each once."""

from bot.core import text
from bot.forge import Missing
from bot.service.fleet import Fleet, ref
from bot.service.mirrors import with_mirror
from bot.service.wishes import Known, NotWanted
from bot.store import signed_receipts
from bot.store.outbox import Wish
from bot.store.signed_receipts import Signed


def note(fleet: Fleet, wish: Wish) -> Known:
    """The receipt as one line of our note on the commit it is about."""
    made = _receipt(fleet, wish)
    with_mirror(fleet, wish.wish["repo_id"], lambda mirror: mirror.put_note(wish.wish["sha"], made.body))
    return {}


def attachment(fleet: Fleet, wish: Wish) -> Known:
    """The receipt as a file at the issue; its name is its id, so that asking twice leaves one."""
    made, repo = _receipt(fleet, wish), fleet.repo(wish.wish["repo_id"])
    name = f"receipt-{made.id}.json"
    try:
        url = fleet.forge.issues.attach(ref(repo), wish.wish["issue"], name, f"{made.body}\n".encode())
    except Missing as missing:
        raise NotWanted(str(missing)) from missing
    return {"url": url}


def _receipt(fleet: Fleet, wish: Wish) -> Signed:
    made = fleet.read(lambda sql: signed_receipts.get(sql, wish.wish["receipt_id"]))
    if made is None:
        raise NotWanted(text.out_of_date())
    return made
