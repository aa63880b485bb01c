"""The tutorial, followed to the letter on a stand-in: from nothing to a merged pull request."""

from pathlib import Path

from bot.standin import Standin
from tests.docs.pages import ROOT, need_tools, run
from tests.hosts.machines import free_port


def test_the_first_pull_request(tmp_path: Path) -> None:
    need_tools()
    forge = Standin(tmp_path / "forge", deliveries="auto")
    with forge.serve():
        me, bot = forge.person("alice"), forge.person("fleet-bot")
        repo = forge.repository("alice/trial")
        repo.grant(bot, "admin")
        scopes = ("write:repository", "write:issue", "read:user")  # what the page says that a token needs
        address = f"http://127.0.0.1:{free_port()}"
        run(
            ROOT / "docs/tutorial/first-pull-request.md",
            tmp_path,
            {
                "https://git.example.org": forge.url,
                "http://192.0.2.7:9090": address,
                "--port 9090": f"--port {address.rpartition(':')[2]}",
                "--bind 0.0.0.0": "--bind 127.0.0.1",
            },
            {"BOT_TOKEN": bot.new_token(*scopes).secret, "MY_TOKEN": me.new_token(*scopes).secret},
        )
        issue = repo.issues[1]
        assert (issue.state, [x for x in issue.label_names if x.startswith("fleet/")]) == ("closed", ["fleet/done"])
        assert repo.git.run("show", "main:GREETING.md").splitlines() == ["Hello, world!", "Goodbye, world!"]
        assert "Generated-by: AI agent exec" in repo.git.run("log", "--format=%B", "main")
        assert not repo.hooks


def test_the_readme(tmp_path: Path) -> None:
    run(ROOT / "README.md", tmp_path, {})
