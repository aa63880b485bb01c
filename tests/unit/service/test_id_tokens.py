"""Id tokens of jobs: which are believed, which are not and what their bearer is told."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from bot.core import oidc
from bot.core.errors import Refused, Unavailable
from bot.core.facts import Repository
from bot.service import id_tokens
from bot.service.fleet import Fleet
from bot.service.id_tokens import KeyRing
from bot.service.opening import opened
from bot.settings import Actions, ActionsRule, Forgejo, Orchestrator, Settings
from bot.store import job_sessions, workflow_runs
from bot.store.database import migrate
from tests.unit.service.tokens import NOW, ON_16, RECORDED, Key, claims, unsigned, with_hmac

KEY, OTHER = Key("one"), Key("other")
ISSUER = RECORDED["claims"]["iss"]
Sign = Callable[[dict[str, Any]], str]


@dataclass
class Forge:
    """Only what a forge says of its keys."""

    keys: list[dict[str, Any]] = field(default_factory=lambda: [KEY.jwk()])
    asked: int = 0
    down: bool = False

    def read(self) -> list[dict[str, Any]]:
        self.asked += 1
        if self.down:
            raise Unavailable("Forgejo does not answer.")
        return self.keys


@dataclass
class Time:
    at: float = NOW + 5

    def __call__(self) -> float:
        return self.at


@dataclass
class Place:
    """A fleet with rules, its forge's keys, its clock."""

    fleet: Fleet
    forge: Forge
    time: Time
    ring: KeyRing

    def exchange(self, token: str, claim_id: str = "") -> job_sessions.JobSession:
        return id_tokens.exchange(self.fleet, self.ring, token, claim_id)[1]

    def refused(self, token: str, claim_id: str = "") -> Refused:
        with pytest.raises(Refused) as caught:
            self.exchange(token, claim_id)
        return caught.value


def rules(*allow: ActionsRule) -> Settings:
    return Settings(
        forgejo=Forgejo(url="http://127.0.0.1:3015", token=SecretStr("t"), agent_accounts=["robot"]),
        actions=Actions(allow=list(allow) or [ActionsRule(repository="ann/*")]),
    )


@pytest.fixture
def place(tmp_path: Path) -> Any:
    made = rules()
    path = tmp_path / "fleet.db"
    migrate(path)
    with opened(made.model_copy(update={"orchestrator": Orchestrator(db_path=path)})) as fleet:
        time, forge = Time(), Forge()
        fleet.clock = time
        yield Place(fleet, forge, time, KeyRing(forge.read, time))


def allow(place: Place, *allowed: ActionsRule) -> None:
    place.fleet.settings = place.fleet.settings.model_copy(update={"actions": Actions(allow=list(allowed))})


# --- believed -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("more", [{}, ON_16], ids=["15", "16"])
@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512"])
def test_what_the_forge_signs_is_believed(place: Place, more: dict[str, str], algorithm: str) -> None:
    place.forge.keys = [KEY.jwk(alg=algorithm)]
    made = place.exchange(KEY.token(claims(**more), alg=algorithm))
    assert (made.name, made.role) == ("actions:ann/demo:19", "write")
    assert made.expires_at == place.time.at + 900


def test_a_session_ends_and_its_secret_is_of_no_use_then(place: Place) -> None:
    secret, made = id_tokens.exchange(place.fleet, place.ring, KEY.token(claims()))

    def found() -> job_sessions.JobSession | None:
        return place.fleet.read(lambda sql: job_sessions.find(sql, secret, place.time.at))

    assert found() == made
    place.time.at = made.expires_at
    assert found() is None
    assert place.fleet.store.write(lambda sql: job_sessions.forget(sql, place.time.at)) == 1


def test_an_agents_job_has_a_name_of_its_own(place: Place) -> None:
    allow(place, ActionsRule(repository="ann/demo", role="agent"))
    made = place.exchange(KEY.token(claims()))
    assert (made.role, made.agent) == ("agent", "actions:ann/demo:19")


# --- not believed ---------------------------------------------------------------------------------------------


def _tampered(said: dict[str, Any]) -> str:
    head, _, signature = KEY.token(said).split(".")
    return f"{head}.{unsigned({**said, 'repository': 'ann/other'}, {}).split('.')[1]}.{signature}"


FORGED: dict[str, tuple[Sign, str]] = {
    "other key": (lambda c: OTHER.token(c, kid="one"), "does not fit the forge's key"),
    "unknown key": (OTHER.token, "key that the forge does not list"),
    "no key named": (lambda c: KEY.token(c, kid=None), "key that the forge does not list"),
    "tampered": (_tampered, "does not fit the forge's key"),
    "none": (lambda c: unsigned(c, {"alg": "none", "kid": "one"}) + ".", "signed with `none`"),
    "None": (lambda c: unsigned(c, {"alg": "None", "kid": "one"}) + ".", "signed with `None`"),
    "HS256 with the public key": (lambda c: with_hmac(c, KEY.pem(), "one"), "signed with `HS256`"),
    "other algorithm than the key's": (lambda c: KEY.token(c, alg="RS512"), "key that the forge does not list"),
    "critical header": (lambda c: KEY.token(c, crit=["exp"]), "only RS256"),
    "signature cut off": (lambda c: KEY.token(c).rpartition(".")[0] + ".", "does not fit the forge's key"),
    "no token": (lambda _: "abc", "cannot be read"),
    "five parts": (lambda c: KEY.token(c) + ".x.y", "cannot be read"),
    "no JSON": (lambda _: "e30x.e30x.e30", "cannot be read"),
    "no object": (lambda c: f"W10.{KEY.token(c).split('.')[1]}.e30", "cannot be read"),
    "endless": (lambda _: "e30." * 20_000, "cannot be read"),
}


@pytest.mark.parametrize("name", FORGED)
def test_forged_tokens_are_refused(place: Place, name: str) -> None:
    make, why = FORGED[name]
    refused = place.refused(make(claims()))
    assert refused.status == 401
    assert why in refused.reason


WRONG: dict[str, tuple[dict[str, Any], int, str]] = {
    "issuer": ({"iss": "https://evil.example/api/actions"}, 401, "comes from `https://evil.example/api/actions`"),
    "issuer with a slash": ({"iss": f"{ISSUER}/"}, 401, "comes from"),
    "no issuer": ({"iss": None}, 401, "comes from"),
    "audience": ({"aud": "http://127.0.0.1:3015/ann"}, 401, "was made for `http://127.0.0.1:3015/ann`"),
    "two audiences": ({"aud": ["agent-fleet", "another"]}, 401, "was made for"),
    "no audience": ({"aud": None}, 401, "was made for"),
    "expired": ({"exp": NOW - 60}, 401, "is over"),
    "no expiry": ({"exp": None}, 401, "does not say its `exp`"),
    "expiry as text": ({"exp": str(NOW + 100)}, 401, "does not say its `exp`"),
    "endless": ({"exp": float("inf")}, 401, "does not say its `exp`"),
    "from the future": ({"nbf": NOW + 3600}, 401, "clocks of forge and orchestrator"),
    "pull_request": ({"event_name": "pull_request"}, 403, "Runs for `pull_request` never qualify"),
    "a fork's": (
        {"event_name": "pull_request", "ref": "refs/pull/4/head", "head_ref": "patch-1"},
        403,
        "Runs for `pull_request` never qualify",
    ),
    "pull_request_target": ({"event_name": "pull_request_target"}, 403, "never qualify"),
    "pull_request_review": ({"event_name": "pull_request_review_comment"}, 403, "never qualify"),
    "agents' branch": ({"ref": "refs/heads/fleet/7-login"}, 403, "agents write there"),
    "agents' tag": ({"ref": "refs/tags/fleet/7"}, 403, "agents write there"),
    "agents' branch, written otherwise": ({"ref": "refs/heads/Fleet/7-login"}, 403, "agents write there"),
    "agents' branch as head": ({"head_ref": "fleet/7-login"}, 403, "agents write there"),
    "pull ref": ({"ref": "refs/pull/4/head"}, 403, "only branches and tags do"),
    "unprotected": ({"ref_protected": "false"}, 403, "neither protected nor listed"),
    "other repository": ({"repository": "zoe/demo"}, 403, "No rule under [actions] names `zoe/demo`"),
    "like the repository": ({"repository": "ann/x/demo"}, 401, "does not say its `repository`"),
    "an agent's account": ({"actor": "Robot"}, 403, "runs of `Robot` are not allowed"),
    "no repository": ({"repository": None}, 401, "does not say its `repository`"),
    "no ref": ({"ref": ""}, 401, "does not say its `ref`"),
    "no event": ({"event_name": None}, 401, "does not say its `event_name`"),
    "no run": ({"run_id": "x"}, 401, "does not say its `run_id`"),
    "no actor": ({"actor": None}, 401, "does not say its `actor`"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_never_qualifies_is_refused_with_the_reason(place: Place, name: str) -> None:
    changes, status, why = WRONG[name]
    refused = place.refused(KEY.token(claims(**changes)))
    assert (refused.status, why in refused.reason) == (status, True), refused.reason


RULES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "ref": ({"refs": ["refs/heads/main"]}, {"ref": "refs/heads/dev"}, "`refs/heads/dev` is not listed"),
    "event": ({"events": ["schedule"]}, {}, "`workflow_dispatch` is not allowed"),
    "actor": ({"actors": ["ann"]}, {}, "runs of `fleet-bot`"),
    "workflow": ({"workflows": [".forgejo/workflows/nightly.yml"]}, {}, "token.yml` is not listed"),
    "workflow of another name": (
        {"workflows": [".forgejo/workflows/token.yml"]},
        {"workflow_ref": "zoe/demo/.forgejo/workflows/token.yml@refs/heads/main"},
        "is not listed",
    ),
    "id": ({"repository_id": 1}, {"repository_id": "2"}, "repository id is another one"),
    "id that 15 does not say": ({"repository_id": 1}, {}, "repository id is another one"),
}


@pytest.mark.parametrize("name", RULES)
def test_rules_are_kept_to(place: Place, name: str) -> None:
    rule, changes, why = RULES[name]
    allow(place, ActionsRule(repository="ann/demo", **rule))
    refused = place.refused(KEY.token(claims(**changes)))
    assert (refused.status, why in refused.reason) == (403, True), refused.reason


def test_a_listed_ref_need_not_be_protected_and_the_first_fitting_rule_counts(place: Place) -> None:
    allow(
        place,
        ActionsRule(repository="ann/demo", refs=["refs/tags/*"], role="agent"),
        ActionsRule(repository="ANN/demo", refs=["refs/heads/ma*"], role="read"),
    )
    assert place.exchange(KEY.token(claims(ref_protected="false"))).role == "read"


def test_without_rules_nobody_gets_in(place: Place) -> None:
    allow(place)
    assert "No rule" in place.refused(KEY.token(claims())).reason


def test_a_token_is_used_once(place: Place) -> None:
    token = KEY.token(claims())
    place.exchange(token)
    refused = place.refused(token)
    assert (refused.status, refused.kind) == (401, "id_token_replayed")
    place.exchange(KEY.token(claims(iat=NOW + 1)))


ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@pytest.mark.parametrize(
    "rewrite",
    [
        lambda signature: signature[:-1] + ALPHABET[ALPHABET.index(signature[-1]) ^ 1],
        lambda signature: signature + "==",
        lambda signature: signature.replace("-", "+").replace("_", "/"),
        lambda signature: signature + "\n",
        lambda signature: signature[:8] + "!" + signature[8:],
    ],
    ids=["loose bits", "padding", "other alphabet", "line end", "strange sign"],
)
def test_a_used_token_written_otherwise_is_the_same_token(place: Place, rewrite: Callable[[str], str]) -> None:
    token = KEY.token(claims())
    signed, _, signature = token.rpartition(".")
    place.exchange(token)
    again = f"{signed}.{rewrite(signature)}"
    assert again != token
    assert place.refused(again).status == 401
    # whatever the reading lets through: the signed part alone is what is used up
    assert not place.fleet.store.write(lambda sql: job_sessions.spend(sql, oidc.signed_part(again), NOW + 9))


@given(st.binary(min_size=1, max_size=40), st.integers(1, 15))
def test_a_token_has_one_way_of_being_written(signature: bytes, loose: int) -> None:
    head = unsigned(claims(), {"alg": "RS256", "kid": "one"})
    written = base64.urlsafe_b64encode(signature).rstrip(b"=").decode()
    assert oidc.read(f"{head}.{written}").signature == signature
    spare = {2: 15, 3: 3}.get(len(written) % 4, 0)
    if loose & spare:
        other = written[:-1] + ALPHABET[ALPHABET.index(written[-1]) | (loose & spare)]
        with pytest.raises(Refused):
            oidc.read(f"{head}.{other}")


@given(
    st.builds(
        ActionsRule,
        repository=st.sampled_from(["ann/demo", "ann/*", "*/demo", "zoe/*"]),
        role=st.sampled_from(["read", "write", "agent"]),
        repository_id=st.sampled_from([0, 1, 2]),
        refs=st.lists(st.sampled_from(["refs/heads/main", "refs/heads/*", "refs/tags/v*"]), max_size=2, unique=True),
        events=st.lists(st.sampled_from(["push", "schedule"]), max_size=1),
        actors=st.lists(st.sampled_from(["ann", "bob"]), max_size=1),
        workflows=st.lists(st.just(".forgejo/workflows/token.yml"), max_size=1),
    ),
    st.fixed_dictionaries(
        {
            "repository": st.sampled_from(["ann/demo", "ann/other", "zoe/demo", "Ann/Demo"]),
            "ref": st.sampled_from(["refs/heads/main", "refs/heads/dev", "refs/tags/v1", "refs/tags/x"]),
            "ref_protected": st.sampled_from(["true", "false"]),
            "event_name": st.sampled_from(["push", "schedule", "issues"]),
            "actor": st.sampled_from(["ann", "Bob", "carl"]),
            "repository_id": st.sampled_from(["1", "2"]),
        }
    ),
)
def test_a_rule_lets_in_what_it_names_and_nothing_else(rule: ActionsRule, said: dict[str, str]) -> None:
    job = oidc.job_of(claims(**said), oidc.Expected(ISSUER, "agent-fleet", "fleet/"), NOW + 5)
    owner, name = said["repository"].lower().split("/")
    fits = (
        all(glob in ("*", part) for glob, part in zip(rule.repository.split("/"), (owner, name), strict=True))
        and rule.repository_id in (0, int(said["repository_id"]))
        and (not rule.events or said["event_name"] in rule.events)
        and (not rule.actors or said["actor"].lower() in rule.actors)
        and (
            any(said["ref"].startswith(ref.rstrip("*")) for ref in rule.refs)
            if rule.refs
            else said["ref_protected"] == "true"
        )
        and (not rule.workflows or job.workflow in rule.workflows)
    )
    if fits:
        assert oidc.role_of(job, [rule.rule()]) == rule.role
    else:
        with pytest.raises(Refused) as caught:
            oidc.role_of(job, [rule.rule()])
        assert caught.value.status == 403


def test_a_name_that_another_repository_has_taken_opens_nothing_of_the_old_one(place: Place) -> None:
    place.fleet.remember(Repository(1, "ann/demo", "main", "http://f/ann/demo.git", "http://f/ann/demo"))
    assert place.exchange(KEY.token(claims(repository_id="1"))).repo_id == 1
    refused = place.refused(KEY.token(claims(repository_id="7")))
    assert (refused.status, "repository id is another one" in refused.reason) == (403, True)


def test_a_refused_token_is_not_spent(place: Place) -> None:
    token = KEY.token(claims())
    allow(place)
    place.refused(token)
    allow(place, ActionsRule(repository="ann/demo"))
    place.exchange(token)


@given(
    changed=st.dictionaries(
        st.sampled_from(sorted({**RECORDED["claims"], **ON_16})),
        st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.lists(st.text(max_size=5), max_size=2),
        min_size=1,
        max_size=4,
    )
)
def test_whatever_the_claims_say_it_is_a_refusal_or_a_job_of_that_repository(changed: dict[str, Any]) -> None:

    said = json.loads(json.dumps(claims(**ON_16) | changed))
    expected = oidc.Expected(ISSUER, "agent-fleet", "fleet/")
    try:
        job = oidc.job_of(said, expected, NOW + 5)
    except Refused:
        return
    assert (said["iss"], said["aud"]) in ((ISSUER, "agent-fleet"), (ISSUER, ["agent-fleet"]))
    assert job.repository == said["repository"]
    assert not job.event.startswith("pull_request")
    assert job.ref.startswith(("refs/heads/", "refs/tags/"))
    assert "/fleet/" not in job.ref.lower()[: len("refs/heads/fleet/")]


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda b: b.decode("latin-1")))
def test_strange_texts_are_no_tokens(text: str) -> None:

    with pytest.raises(Refused):
        oidc.read(text)


# --- keys -----------------------------------------------------------------------------------------------------


def test_keys_are_asked_for_once_in_ten_minutes(place: Place) -> None:
    for n in range(5):
        place.exchange(KEY.token(claims(iat=NOW + n)))
    assert place.forge.asked == 1
    place.time.at += 600
    place.exchange(KEY.token(claims(iat=NOW + 9)))
    assert place.forge.asked == 2


def test_a_new_key_is_found_and_the_old_one_is_dropped(place: Place) -> None:
    place.exchange(KEY.token(claims()))
    place.forge.keys = [OTHER.jwk()]
    place.time.at += 11
    place.exchange(OTHER.token(claims()))
    assert "does not list" in place.refused(KEY.token(claims(iat=NOW + 1))).reason


def test_unknown_keys_do_not_make_us_ask_the_forge_each_time(place: Place) -> None:
    for n in range(20):
        place.refused(KEY.token(claims(), kid=f"made-up-{n}"))
    assert place.forge.asked == 1


def test_known_keys_hold_while_the_forge_is_down_but_not_for_ever(place: Place) -> None:
    place.exchange(KEY.token(claims()))
    place.forge.down = True
    place.time.at += 3000
    place.exchange(KEY.token(claims(iat=NOW + 1)))
    place.time.at += 24 * 3600
    late = claims(iat=place.time.at, nbf=place.time.at, exp=place.time.at + 60)
    with pytest.raises(Unavailable):
        place.exchange(KEY.token(late))


def test_without_any_key_the_forge_has_to_answer(place: Place) -> None:
    place.forge.down = True
    with pytest.raises(Unavailable):
        place.exchange(KEY.token(claims()))


@pytest.mark.parametrize(
    "change", [{"kty": "EC"}, {"use": "enc"}, {"n": "AQAB"}, {"n": "%%"}, {"e": None}, {"kid": ""}]
)
def test_keys_that_cannot_be_used_are_left_out(place: Place, change: dict[str, Any]) -> None:
    place.forge.keys = [KEY.jwk(**change)]
    assert "does not list" in place.refused(KEY.token(claims())).reason


# --- jobs that we started -------------------------------------------------------------------------------------


def _started(place: Place, run_id: int, claim_id: str = "c1") -> None:
    place.fleet.remember(Repository(1, "ann/demo", "main", "http://f/ann/demo.git", "http://f/ann/demo"))

    def begin(sql: Any) -> None:
        workflow_runs.begin(
            sql, "t1", 3, claim_id=claim_id, host="runners", agent="runners.exec", repo_id=1, at=place.time.at
        )
        workflow_runs.started(sql, "t1", 3, run_id, "")

    place.fleet.store.write(begin)


def test_a_job_that_was_started_for_an_attempt_works_on_that_without_a_rule(place: Place) -> None:
    allow(place)
    _started(place, 19)
    made = place.exchange(KEY.token(claims(ref_protected="false")), "c1")
    assert (made.role, made.agent, made.task_id, made.fence) == ("agent", "runners.exec", "t1", 3)


@pytest.mark.parametrize(
    "changes",
    [{"run_id": "20"}, {"repository": "ann/other"}, {"event_name": "push"}, {"repository_id": "7"}],
    ids=["run", "repository", "event", "id"],
)
def test_another_job_cannot_take_its_place(place: Place, changes: dict[str, str]) -> None:
    _started(place, 19)
    assert place.refused(KEY.token(claims(**changes)), "c1").kind == "no_such_run"
    assert place.refused(KEY.token(claims(iat=NOW + 1)), "c2").kind == "no_such_run"


def test_a_job_that_is_faster_than_the_answer_to_its_start_is_asked_to_wait(place: Place) -> None:
    _started(place, 0)
    with pytest.raises(Unavailable):
        place.exchange(KEY.token(claims()), "c1")


def test_when_the_run_is_over_its_job_gets_nothing(place: Place) -> None:
    _started(place, 19)
    place.fleet.store.write(lambda sql: workflow_runs.end(sql, "t1", 3))
    assert place.refused(KEY.token(claims()), "c1").kind == "no_such_run"
