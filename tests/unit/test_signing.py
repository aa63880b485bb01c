"""The key's file: made once, closed to others, never used when something is wrong with it."""

import base64
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from bot import signing
from bot.core.errors import Refused, Unavailable


def test_the_key_is_readable_for_its_owner_only_and_read_again(tmp_path: Path) -> None:
    made = signing.make(tmp_path / "data" / "key.pem")
    assert (tmp_path / "data" / "key.pem").stat().st_mode & 0o777 == 0o600
    assert [p.name for p in (tmp_path / "data").iterdir()] == ["key.pem"]
    read = signing.read(tmp_path / "data" / "key.pem")
    assert read is not None
    assert read.key_id == made.key_id
    assert signing.fits(made.public, read.sign(b"it"), b"it")
    assert not signing.fits(made.public, read.sign(b"it"), b"another")
    assert "PRIVATE" not in repr(read)


def test_who_makes_it_at_the_same_time_gets_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: signing.make(tmp_path / "key.pem").key_id, range(16)))
    assert len(set(made)) == 1
    assert signing.make(tmp_path / "key.pem", replace=True).key_id != made[0]


def test_a_key_that_is_open_damaged_or_another_kind_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    assert signing.read(path) is None
    signing.make(path)
    path.chmod(0o640)
    with pytest.raises(Unavailable, match="can be read by others"):
        signing.read(path)
    path.chmod(0o600)
    other = rsa.generate_private_key(65537, 1024).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for content in (b"", b"no key", other):
        path.write_bytes(content)
        with pytest.raises(Unavailable, match="no ed25519 key"):
            signing.read(path)
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere.pem")
    (tmp_path / "elsewhere.pem").write_bytes(b"")
    with pytest.raises(Unavailable):
        signing.read(path)


def test_a_public_key_is_taken_in_every_usual_form() -> None:
    public = ed25519.Ed25519PrivateKey.generate().public_key()
    raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    ssh = public.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()
    for told in (signing.public_pem(raw), f"{ssh} fleet", base64.b64encode(raw).decode() + "\n"):
        assert signing.parse_public(told) == raw


@pytest.mark.parametrize("told", ["", "x", "AAAA", "ssh-ed25519 AAAA", "-----BEGIN PUBLIC KEY-----", "é", "\0"])
def test_what_is_no_public_key_is_refused(told: str) -> None:
    with pytest.raises(Refused):
        signing.parse_public(told)
