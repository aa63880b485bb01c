"""What `setup` tells an operator to do."""

from bot.core import setup_text as text


def test_a_webhook_that_did_not_arrive_names_the_forges_setting() -> None:
    said = "\n".join(text.test_missing("http://127.0.0.1:9090/x", "loopback"))
    assert "Set ALLOWED_HOST_LIST = external, loopback and restart Forgejo." in said
    assert "Is the server running" in said
    assert "--new-hook" in said
    public = "\n".join(text.test_missing("https://9.9.9.9/x", ""))
    assert "ALLOWED_HOST_LIST" in public


def test_by_hand_says_where_the_secret_is_and_never_what() -> None:
    said = "\n".join(text.hook_by_hand("http://forge/ann/lab", "http://bot/x", ["issues", "push"]))
    assert "http://forge/ann/lab/settings/hooks/forgejo/new" in said
    assert "webhook_secret under [forgejo]" in said
    assert "issues, push" in said


def test_a_line_of_the_difference() -> None:
    assert text.hook_line("u", 0, "") == "webhook u"
    assert text.hook_line("u", 5, "inactive") == "webhook u (number 5): it is switched off"
