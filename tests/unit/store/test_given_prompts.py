"""What attempts were told: each text once, for as long as an attempt that got it is remembered."""

import hashlib

from bot.store import Store, attempts, given_prompts
from tests.unit.store.filling import a_repo, a_task, claim


def give(store: Store, task: str, text: str, at: float = 1.0) -> str:
    given = {"template": "", "policy_sha256": "", "at": at}
    return store.write(lambda sql: given_prompts.keep(sql, task, 1, "input", text, **given))  # type: ignore[arg-type]


def texts(store: Store) -> list[str]:
    return store.read(lambda sql: [str(row[0]) for row in sql.all("SELECT text FROM prompt_text ORDER BY text")])


def test_the_same_text_is_kept_once_and_the_last_one_counts(store: Store) -> None:
    a_repo(store)
    for task in ("t_1", "t_2"):
        a_task(store, task)
        store.write(lambda sql, task=task: claim(sql, task))  # type: ignore[misc]
        assert give(store, task, "Fix it. ü") == hashlib.sha256("Fix it. ü".encode()).hexdigest()
    assert texts(store) == ["Fix it. ü"]
    give(store, "t_2", "Fix it otherwise.")
    found = store.read(lambda sql: given_prompts.of_attempt(sql, "t_2", 1))
    assert found is not None
    assert (found.size, store.read(lambda sql: given_prompts.text(sql, found.sha256))) == (17, "Fix it otherwise.")


def test_a_text_goes_when_nobody_who_got_it_is_young_and_its_digest_stays(store: Store) -> None:
    a_repo(store)
    for task in ("t_1", "t_2"):
        a_task(store, task)
        store.write(lambda sql, task=task: claim(sql, task))  # type: ignore[misc]
    give(store, "t_1", "nobody's any more")
    give(store, "t_1", "both")
    give(store, "t_2", "both")
    assert store.write(lambda sql: given_prompts.forget(sql, 40.0)) == 1
    assert texts(store) == ["both"], "those who got it still run"
    store.write(lambda sql: attempts.close(sql, "t_1", 1, outcome="done", at=10.0))
    store.write(lambda sql: attempts.close(sql, "t_2", 1, outcome="done", at=50.0))
    assert store.write(lambda sql: given_prompts.forget(sql, 40.0)) == 0, "one ended after that"
    assert store.write(lambda sql: given_prompts.forget(sql, 60.0)) == 1
    found = store.read(lambda sql: given_prompts.of_attempt(sql, "t_1", 1))
    assert found is not None
    assert store.read(lambda sql: given_prompts.text(sql, found.sha256)) is None
