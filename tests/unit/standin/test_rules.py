"""Rules of issues and pull requests that no single recording shows."""

import pytest

from bot.standin import Refusal, Repository, Standin


def test_a_readers_labels_stay_only_when_he_uses_the_web_form(forge: Standin, repo: Repository) -> None:
    carl = forge.person("carl")
    assert repo.open_issue(carl, "by API", labels=["agent:python"]).label_names == []
    assert repo.open_issue_by_web_form(carl, "form", labels=["agent:python"]).label_names == ["agent:python"]


def test_the_timeline_says_who_put_a_label_on(forge: Standin, repo: Repository) -> None:
    bob = forge.person("bob")
    issue = repo.open_issue(forge.person("carl"), "one")
    issue.add_label(bob, "fleet/queued")
    issue.add_label(bob, "fleet/running")
    seen = [(entry.by.login, entry.body, entry.label and entry.label.name) for entry in issue.entries]
    assert seen == [("bob", "1", "fleet/queued"), ("bob", "", "fleet/queued"), ("bob", "1", "fleet/running")]


def test_a_reference_that_is_edited_away_is_neutered(forge: Standin, repo: Repository) -> None:
    bob = forge.person("bob")
    issue = repo.open_issue(bob, "one")
    repo.commit(bob, "work", {"a.txt": "1\n"})
    pull = repo.open_pull(bob, "work", title="Work on #1", body="Closes #1")
    assert [entry.ref_action for entry in issue.entries] == ["closes"]
    pull.edit(bob, body="nothing")
    assert [entry.ref_action for entry in issue.entries] == ["neutered", "none"]


def test_code_is_no_reference(forge: Standin, repo: Repository) -> None:
    bob = forge.person("bob")
    issue = repo.open_issue(bob, "one")
    repo.commit(bob, "work", {"a.txt": "1\n"})
    repo.open_pull(bob, "work", title="Work", body="`Closes #1`")
    assert not issue.entries


def test_required_statuses_hold_a_merge(forge: Standin, repo: Repository) -> None:
    bob = forge.person("bob")
    repo.protect("main", push=True, contexts=["agent-fleet/*"])
    sha = repo.commit(bob, "work", {"a.txt": "1\n"})
    pull = repo.open_pull(bob, "work", title="Work")
    for state in ("pending", "warning"):
        repo.set_status(bob, sha, state, "agent-fleet/python")
        with pytest.raises(Refusal, match="Not all required status checks successful"):
            pull.merge(bob)
    repo.set_status(bob, sha, "success", "agent-fleet/python")
    pull.merge(bob)
    assert repo.read_file("main", "a.txt") == "1\n"


def test_deleting_the_head_closes_the_pull_request(forge: Standin, repo: Repository) -> None:
    bob = forge.person("bob")
    repo.commit(bob, "work", {"a.txt": "1\n"})
    pull = repo.open_pull(bob, "work", title="Work")
    repo.delete_branch(bob, "work")
    assert (pull.state, pull.merged) == ("closed", False)
