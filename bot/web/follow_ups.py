"""Issues that an agent opens for work it came across; a person decides whether anything comes of them."""

from typing import Annotated, Final

from pydantic import Field

from bot.service import follow_ups
from bot.service.follow_ups import Wanted
from bot.store import Sql, forge_facts, tasks
from bot.store import follow_ups as stored
from bot.store.follow_ups import FollowUp
from bot.web.answers import Answer, Shown, moment
from bot.web.callers import May, may_see
from bot.web.endpoint import Call, Endpoints
from bot.web.fences import fence_of
from bot.web.fields import AgentId, Capabilities, Fence, Line, Message
from bot.web.requests import Asked, Said

ENDPOINTS: Final = Endpoints("follow_ups", "Follow-ups")

_PATH: Final = "/api/v1/tasks/<task_id>/follow-ups"


class FollowUpAsked(Said):
    agent_id: AgentId = ""
    fence: Fence | None = None
    key: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}$")]
    """Made by the agent: the same one again is the same follow-up."""
    title: Annotated[Line, Field(min_length=1)]
    text: Message = ""
    """Shown in the issue as the agent's own words."""
    capabilities: Capabilities = Field(default_factory=list)
    """What an agent must offer to work on it, once a person has approved it."""


class Listed(Asked):
    agent_id: AgentId = ""
    """Needed with the enrolment token only."""


class FollowUpShown(Shown):
    key: str
    issue: int
    url: str
    state: str
    """Of its newest task; `requested` until a person has approved it."""
    parent: int
    """The issue that it follows."""
    depth: int
    """1 = the parent was opened by a person."""
    agent_id: str
    asked_at: str | None


class FollowUpList(Shown):
    follow_ups: list[FollowUpShown]


@ENDPOINTS.post(_PATH, May.AGENT, {200: FollowUpShown, 201: FollowUpShown})
def follow_up_asked(call: Call, task_id: str, said: FollowUpAsked) -> Answer:
    """Opens an issue for work that the running attempt came across. Nothing starts on it before a person approves."""
    agent_id, fence = call.caller.as_agent(said.agent_id), fence_of(call.caller, said.fence)
    wanted = Wanted(said.key, said.title, said.text, tuple(said.capabilities))
    made, new = follow_ups.ask(call.fleet, agent_id, task_id, fence, wanted)
    return Answer(call.fleet.read(lambda sql: _shown(call, sql, made)), 201 if new else 200)


@ENDPOINTS.get(_PATH, May.SEE, {200: FollowUpList})
def follow_up_list(call: Call, task_id: str, asked: Listed) -> Answer:
    """The follow-ups of the task's issue, oldest first."""

    def query(sql: Sql) -> FollowUpList:
        task = tasks.get(sql, task_id)
        may_see(sql, call.caller, asked.agent_id, task_id)
        found = [x for x in stored.of_issue(sql, task.repo_id, task.issue) if x.issue]
        return FollowUpList(follow_ups=[_shown(call, sql, x) for x in found])

    return Answer(call.fleet.read(query))


def _shown(call: Call, sql: Sql, one: FollowUp) -> FollowUpShown:
    repo, task = forge_facts.repo(sql, one.repo_id), tasks.newest_of_issue(sql, one.repo_id, one.issue)
    home = f"{call.fleet.settings.forgejo.url.rstrip('/')}/{repo.full_name if repo else ''}"
    return FollowUpShown(
        key=one.key,
        issue=one.issue,
        url=f"{home}/issues/{one.issue}",
        state=task.state.value if task else "",
        parent=one.parent,
        depth=one.depth,
        agent_id=one.agent,
        asked_at=moment(one.taken_at),
    )
