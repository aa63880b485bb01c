"""The queue of webhooks: by hand, in the background, again."""

import json
from pathlib import Path

from bot.standin import Repository, Standin
from tests.contract.hooked import mailbox


def test_nothing_leaves_until_told_and_the_body_is_of_the_event(forge: Standin, repo: Repository) -> None:
    with mailbox() as box:
        repo.hook(box.url, secret="s")
        issue = repo.open_issue(forge.person("ann"), "before")
        issue.edit(forge.person("ann"), title="after")
        assert not box.arrived
        forge.deliveries.deliver(1)
        assert json.loads(box.arrived[0].body)["issue"]["title"] == "before"


def test_waiting_deliveries_can_be_reordered_and_dropped(forge: Standin, repo: Repository) -> None:
    with mailbox() as box:
        repo.hook(box.url)
        repo.open_issue(forge.person("bob"), "one", labels=["agent:python"])
        assert [one.event_type for one in forge.deliveries.waiting] == ["issues", "issue_label"]
        forge.deliveries.reorder(1, 0)
        forge.deliveries.deliver(1)
        forge.deliveries.drop()
        assert [arrival.headers["X-Forgejo-Event-Type"] for arrival in box.arrived] == ["issue_label"]


def test_a_replay_has_the_same_bytes_and_another_id(forge: Standin, repo: Repository) -> None:
    with mailbox() as box:
        repo.hook(box.url, secret="s")
        repo.open_issue(forge.person("ann"), "one")
        (first,) = forge.deliveries.deliver_all()
        forge.deliveries.replay(first)
        forge.deliveries.deliver_all()
        one, two = box.arrived
    assert one.body == two.body
    assert one.headers["X-Forgejo-Signature"] == two.headers["X-Forgejo-Signature"]
    assert one.headers["X-Forgejo-Delivery"] != two.headers["X-Forgejo-Delivery"]


def test_a_refused_connection_is_recorded_and_not_tried_again(forge: Standin, repo: Repository) -> None:
    repo.hook("http://127.0.0.1:9/closed")
    repo.open_issue(forge.person("ann"), "one")
    (failed,) = forge.deliveries.deliver_all()
    assert failed.status == 0
    assert "refused" in failed.error
    assert not forge.deliveries.waiting


def test_the_background_thread_delivers_in_order(tmp_path: Path) -> None:
    forge = Standin(tmp_path, deliveries="auto")
    repo = forge.repository("ann/demo")
    with forge.serve(), mailbox() as box:
        repo.hook(box.url, events=["issues_only"])
        for number in range(5):
            repo.open_issue(forge.person("ann"), str(number))
        forge.deliveries.settle()
        assert [json.loads(arrival.body)["number"] for arrival in box.arrived] == [1, 2, 3, 4, 5]


def test_issues_switches_on_every_event_of_issues(forge: Standin, repo: Repository) -> None:
    hook = repo.hook("http://127.0.0.1:9/x", events=["issues"])
    assert "issue_label" in hook.events
    assert not hook.wants("push")
