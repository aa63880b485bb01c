"""Whole stories over real SSH servers: from the labelled issue to the pull request, whatever the line does."""

import os
import random
from pathlib import Path
from typing import Final

from bot.settings.hosts import HostAgent, HostEntry
from bot.settings.sections import Adapter
from tests.hosts.conftest import Site
from tests.hosts.machines import USER, Sshd
from tests.scenarios.test_hosts import ran_on, readiness, the_log
from tests.world.hosts import WORKS, here, processes, script, waits_for
from tests.world.world import world as build

PYTHON = HostAgent(agent_type="scripted", capabilities=["python"])


def over_ssh(root: Path, name: str, site: Site, sshd: Sshd, **changes: object) -> HostEntry:
    """A host behind one of the SSH servers, with a work_dir of its own."""
    told: dict[str, object] = {
        "ssh_user": USER,
        "host_key": sshd.host_key_line(),
        "agents": [PYTHON],
        "work_dir": str(root / name),
        **changes,
    }
    return HostEntry(
        host_id=name,
        hostname="127.0.0.1",
        ssh_port=sshd.port,
        ssh_key_path=str(site.key),
        **told,  # type: ignore[arg-type]
    )


def test_two_hosts_share_the_work_to_the_merged_pull_requests(site: Site, tmp_path: Path) -> None:
    go = tmp_path / "go"
    with build(tmp_path / "world") as world:
        both = [over_ssh(tmp_path, "vm-1", site, site.first), over_ssh(tmp_path, "vm-2", site, site.second)]
        world.has_hosts(*both, in_background=True, scripted=waits_for(go, WORKS))
        issues = [world.writer.opens_issue(f"Fix {n}", labels=["agent:python"]) for n in range(2)]
        world.waits_until(lambda: all(ran_on(world, issue) for issue in issues), "two runs")
        assert sorted(ran_on(world, issue)[0] for issue in issues) == ["vm-1.scripted", "vm-2.scripted"]
        go.touch()
        world.waits_until(lambda: all(issue.pulls() for issue in issues), "two pull requests")
        for issue in issues:
            issue.tells("@bob done in")
            world.writer.merges(issue)
            world.settles()
            issue.shows(label="fleet/done", status="success", pull_request=1)
            issue.tells("was merged")


def test_a_run_goes_on_while_its_hosts_sshd_is_dead_and_is_read_on(site: Site, tmp_path: Path) -> None:
    go, sshd = tmp_path / "go", Sshd(tmp_path / "sshd", site.key)
    with build(tmp_path / "world") as world:
        host = over_ssh(tmp_path, "vm-1", site, sshd)
        world.has_hosts(host, in_background=True, scripted=waits_for(go, f"echo went on; {WORKS}"))
        issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
        world.waits_until(lambda: "begun" in the_log(world, issue), "the first words of the run")
        sshd.kill_all()
        go.touch()
        world.waits_until(lambda: not processes(host.work_dir), "the run has ended by itself")
        world.minutes_pass(10)
        issue.shows(label="fleet/running", pull_request=0)
        sshd.start()
        world.waits_until(lambda: issue.pulls(), "the pull request")
        issue.tells("@bob done in")
        assert ran_on(world, issue) == ["vm-1.scripted"]
        assert the_log(world, issue).split()[:3] == ["begun", "went", "on"]
    sshd.kill_all()


def test_a_hundred_disconnects_lose_and_double_nothing(site: Site, tmp_path: Path) -> None:
    chance, numbers = random.Random(7), 300
    counts = f"for n in $(seq {numbers}); do echo number $n; sleep 0.02; done; {WORKS}"
    with build(tmp_path / "world") as world:
        host = over_ssh(tmp_path, "vm-1", site, site.first, agents=[PYTHON.model_copy(update={"max_concurrency": 4})])
        world.has_hosts(host, in_background=True, scripted=script(counts))
        issues = [world.writer.opens_issue(f"Fix {n}", labels=["agent:python"]) for n in range(4)]
        world.waits_until(lambda: all("number 1" in the_log(world, issue) for issue in issues), "four runs")
        cuts = 0

        def disconnects() -> bool:
            nonlocal cuts
            if chance.random() < 0.5 and cuts < 100:
                cuts += 1
                for pid in site.first.sessions():
                    _kill(pid)
            return cuts >= 100

        world.waits_until(disconnects, "a hundred disconnects")
        world.waits_until(lambda: all(issue.pulls() for issue in issues), "four pull requests")
        for issue in issues:
            issue.shows(label="fleet/review", pull_request=1)
            issue.tells("@bob done in")
            told = [line for line in the_log(world, issue).splitlines() if line.startswith("number")]
            assert told == [f"number {n}" for n in range(1, numbers + 1)]
            assert ran_on(world, issue) == ["vm-1.scripted"]
        assert processes(host.work_dir) == []


def _kill(pid: int) -> None:
    try:
        os.kill(pid, 9)
    except ProcessLookupError:
        return


def test_a_host_with_another_key_gets_nothing_and_is_set_aside(site: Site, tmp_path: Path) -> None:
    with build(tmp_path / "world") as world:
        wrong = over_ssh(tmp_path, "vm-1", site, site.first, host_key=site.second.host_key_line())
        world.has_hosts(wrong, scripted=script(WORKS))
        issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
        world.settles()
        issue.shows(label="fleet/queued", says="No agent")
        assert "somebody stands between" in readiness(world)
        assert not Path(wrong.work_dir).exists()


def test_a_host_that_does_not_let_us_in_is_set_aside(site: Site, tmp_path: Path) -> None:
    with build(tmp_path / "world") as world:
        world.has_hosts(over_ssh(tmp_path, "vm-1", site, site.first, ssh_user="nobody"), scripted=script(WORKS))
        issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
        world.settles()
        issue.shows(label="fleet/queued", says="No agent")
        assert "does not let nobody in" in readiness(world)


#: `make test-power` floods with a whole gigabyte, `make test` with a seventh of that.
ALL: Final = os.environ.get("POWER_CUTS") == "all"


def test_a_flood_of_a_gigabyte_takes_no_memory(tmp_path: Path) -> None:
    def flood(lines: int) -> Adapter:
        """So many lines of 60 kB."""
        words = f"head -c 60000 /dev/zero | tr '\\0' x >f; echo >>f; for n in $(seq {lines}); do cat f; done; rm f"
        return script(f"{words}; {WORKS}")

    # The first, small one fills the caches that any long log would fill.
    with build(tmp_path / "world", max_run_log_bytes=4_000_000_000, display_min_interval_secs=0) as world:
        world.has_hosts(here(tmp_path, "vm-1"), scripted=flood(400))
        first = world.writer.opens_issue("Warm up", labels=["agent:python"])
        world.settles()
        first.tells("@bob done in")
        before = _most_memory_mib(reset=True)
        world.has_hosts(here(tmp_path, "vm-1"), scripted=flood(17_500 if ALL else 2_500))
        issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
        world.settles()
        issue.shows(label="fleet/review", pull_request=1)
        issue.tells("@bob done in")
        assert _most_memory_mib() - before <= 8
        kept = the_log(world, issue)
        assert len(kept) < 4 * 1024 * 1024
        assert "left out" in kept
        assert kept.endswith("::fleet summary Fixed the login.\n")


def _most_memory_mib(*, reset: bool = False) -> float:
    """The most this process has used, since it was last set back (proc(5): clear_refs)."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    [peak] = [x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith("VmHWM")]
    return int(peak.split()[1]) / 1024
