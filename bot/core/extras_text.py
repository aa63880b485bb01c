"""What the doctor says of extras that are configured and were not installed."""


def extra_missing(setting: str, extra: str) -> str:
    return f"{setting} is set, but the extra agent-fleet[{extra}] is not installed, so it does nothing."


def install_extra(extra: str, setting: str) -> str:
    return (
        f"Install it with the program, in its clone: pipx install --force '.[{extra}]' (in a venv: "
        f"pip install '.[{extra}]'), and restart; or take {setting} out."
    )
