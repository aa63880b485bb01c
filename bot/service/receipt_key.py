"""The key that signs receipts: made at first start, known by its public half, exchanged by an operator only."""

from pathlib import Path

from bot import signing
from bot.core import receipt_text as text
from bot.core.errors import Unavailable
from bot.service.fleet import Fleet
from bot.signing import SigningKey
from bot.store import Sql, Store, signed_receipts
from bot.store.signed_receipts import PublicKey


def path(data_dir: Path) -> Path:
    return data_dir / signing.FILE


def signer(fleet: Fleet) -> SigningKey:
    """The key that signs now; the first one is made when there never was any.

    Raises Unavailable when it is lost, unreadable for us, readable for others, or not the one that signed last: then
    receipts wait until somebody has looked into it.
    """
    file = path(fleet.data_dir)
    active = fleet.read(active_key)
    key = signing.read(file)
    if key is None:
        if active is not None:
            raise Unavailable(f"{text.key_missing(str(file))} {text.restore_or_rotate()}")
        key = signing.make(file)
    if active is None:
        return _used(fleet, key)
    if active.key_id != key.key_id:
        raise Unavailable(f"{text.key_is_another(str(file))} {text.restore_or_rotate()}")
    return key


def ready(fleet: Fleet) -> None:
    """At the first start a key is made; later nothing happens, also when something is wrong with it."""
    if fleet.read(active_key) is None:
        signer(fleet)


def rotate(store: Store, data_dir: Path, now: float) -> tuple[str, SigningKey]:
    """A new key signs from now on, whatever became of the one before; returns (id of that or "", the new one).

    The old private key is overwritten, its public half stays known.
    """
    old = store.read(active_key)
    key = signing.make(path(data_dir), replace=True)
    store.write(lambda sql: signed_receipts.use_key(sql, key.key_id, key.public, now))
    return old.key_id if old else "", key


def active_key(sql: Sql) -> PublicKey | None:
    return next((k for k in signed_receipts.keys(sql) if not k.retired_at), None)


def _used(fleet: Fleet, key: SigningKey) -> SigningKey:
    def command(sql: Sql) -> None:
        if active_key(sql) is None:
            signed_receipts.use_key(sql, key.key_id, key.public, fleet.clock())

    fleet.store.write(command)
    return key
