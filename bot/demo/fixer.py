"""The demo's coding agent: reads a prompt on standard input, writes the module it is about, runs that module's tests.

A stand-in for a model, not for an agent: what it writes is real, the tests decide, and its exit code says the truth.
"""

import re
import subprocess
import sys
from pathlib import Path

from bot.demo.story import IDEAS


def main() -> int:
    prompt = sys.stdin.read()
    found = re.search(r"measures/(\w+)\.py", prompt)
    if found is None or found[1] not in IDEAS:
        print("::fleet question Which module is this about?", flush=True)
        return 0
    module = found[1]
    ideas = IDEAS[module]
    told = re.search(r"\battempt (\d+)\.", prompt)  # it learns from what has failed before
    attempt = int(told[1]) if told else 1
    print(f"::fleet check [x] read what is asked about {module}", flush=True)
    print(f"::fleet progress writing measures/{module}.py", flush=True)
    Path("measures", f"{module}.py").write_text(ideas[min(attempt, len(ideas)) - 1])
    print("::fleet progress running the tests", flush=True)
    tests = subprocess.run(
        [sys.executable, "-m", "unittest", f"tests.test_{module}"], capture_output=True, text=True, check=False
    )
    print(tests.stderr, flush=True)
    if tests.returncode:
        print(f"tests.test_{module} fails: {tests.stderr.strip().splitlines()[-1]}", flush=True)
        return 1
    print("::fleet check [x] run the tests", flush=True)
    print(f"::fleet summary Wrote `measures/{module}.py`; `tests/test_{module}.py` passes now.", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
