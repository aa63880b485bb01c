"""How each CLI is pointed at the stub model: what an operator would set for a provider of their own."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from tests.agents.stub_model import KEY, MODEL, Play


@dataclass(frozen=True)
class Pointing:
    """``env`` and ``files`` (below the home) of an operator, the job's ``model``, and how the stub plays."""

    env: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    model: str = ""
    play: Play = field(default_factory=Play)


def codex(url: str) -> Pointing:
    config = (
        f'model = "{MODEL}"\nmodel_provider = "stub"\n[model_providers.stub]\nname = "stub"\n'
        f'base_url = "{url}/v1"\nenv_key = "OPENAI_API_KEY"\nwire_api = "responses"\n'
        "request_max_retries = 1\nstream_max_retries = 1\n"
    )
    return Pointing({"OPENAI_API_KEY": KEY}, {".codex/config.toml": config})


def claude_code(url: str) -> Pointing:
    return Pointing({"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": url})


def gemini(url: str) -> Pointing:
    return Pointing({"GEMINI_API_KEY": KEY, "GOOGLE_GEMINI_BASE_URL": url}, model="gemini-2.5-pro")


def opencode(url: str) -> Pointing:
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "options": {"baseURL": f"{url}/v1", "apiKey": KEY},
        "models": {MODEL: {"limit": {"context": 200_000, "output": 8_000}}},
    }
    model = f"stub/{MODEL}"
    config = {"model": model, "small_model": model, "enabled_providers": ["stub"], "provider": {"stub": provider}}
    return Pointing(files={".config/opencode/opencode.json": json.dumps(config)})


def qwen_code(url: str) -> Pointing:
    return Pointing({"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": f"{url}/v1", "OPENAI_MODEL": MODEL})


def copilot(url: str) -> Pointing:
    env = {
        "COPILOT_PROVIDER_BASE_URL": f"{url}/v1",
        "COPILOT_PROVIDER_API_KEY": KEY,
        "COPILOT_MODEL": MODEL,
        "COPILOT_OFFLINE": "true",
    }
    return Pointing(env)


def pi(url: str) -> Pointing:
    model = {"id": MODEL, "contextWindow": 200_000, "maxTokens": 8_000}
    provider = {"baseUrl": f"{url}/v1", "api": "openai-completions", "apiKey": "OPENAI_API_KEY", "models": [model]}
    files = {".pi/agent/models.json": json.dumps({"providers": {"stub": provider}})}
    return Pointing({"OPENAI_API_KEY": KEY}, files, f"stub/{MODEL}")


def kimi(url: str) -> Pointing:
    config = (
        f'default_model = "stub"\n[providers.stub]\ntype = "openai"\nbase_url = "{url}/v1"\napi_key = "{KEY}"\n'
        f'[models.stub]\nprovider = "stub"\nmodel = "{MODEL}"\nmax_context_size = 200000\n'
    )
    return Pointing(files={".kimi-code/config.toml": config})


def continue_cli(url: str) -> Pointing:
    config = (
        "name: stub\nversion: 0.0.1\nschema: v1\nmodels:\n"
        f"  - name: stub\n    provider: openai\n    model: {MODEL}\n    apiBase: {url}/v1\n    apiKey: {KEY}\n"
        "    roles: [chat]\n    capabilities: [tool_use]\n"
    )
    return Pointing(files={".continue/config.yaml": config})


def aider(url: str) -> Pointing:
    env = {"OPENAI_API_KEY": KEY, "OPENAI_API_BASE": f"{url}/v1"}
    return Pointing(env, model=f"openai/{MODEL}", play=Play(by_text=True))


def openhands(url: str) -> Pointing:
    return Pointing({"LLM_API_KEY": KEY, "LLM_BASE_URL": f"{url}/v1", "LLM_MODEL": f"openai/{MODEL}"})


def mini_swe_agent(url: str) -> Pointing:
    env = {"OPENAI_API_KEY": KEY, "OPENAI_API_BASE": f"{url}/v1"}
    return Pointing(env, model=f"openai/{MODEL}", play=Play(submits=True))


#: Cline takes a provider only from a command of its own (`cline auth`), which the driver runs first.
def cline(url: str) -> Pointing:
    return Pointing(model=f"openai-compatible/{MODEL}")


POINTINGS: Final[Mapping[str, Callable[[str], Pointing]]] = {
    "codex": codex,
    "claude-code": claude_code,
    "gemini": gemini,
    "opencode": opencode,
    "qwen-code": qwen_code,
    "copilot": copilot,
    "pi": pi,
    "kimi": kimi,
    "cline": cline,
    "continue": continue_cli,
    "aider": aider,
    "openhands": openhands,
    "mini-swe-agent": mini_swe_agent,
}
