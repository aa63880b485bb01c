"""The demo's coding agent: reads a prompt on standard input, writes the module it is about, runs that module's tests.

A stand-in for a model, not for an agent: what it writes is real, the tests decide, and its exit code says the truth.
"""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final, NoReturn

from bot.demo.story import ENDLESS, IDEAS, LONG

#: A child of a child in a session of its own, which no signal to our process group reaches.
_HIDDEN: Final = ("setsid", "sh", "-c", "trap '' TERM; sleep 600")


def main(linger_secs: int = 0) -> int:
    prompt = sys.stdin.read()
    found = re.search(r"measures/(\w+)\.py", prompt)
    if found is not None and found[1] == ENDLESS:
        never_end()
    if found is not None and found[1] == LONG:
        take_long()
    if found is None or found[1] not in IDEAS:
        print("::fleet question Which module is this about?", flush=True)
        return 0
    module = found[1]
    ideas = IDEAS[module]
    told = re.search(r"\battempt (\d+)\.", prompt)  # it learns from what has failed before
    attempt = int(told[1]) if told else 1
    print(f"::fleet check [x] read what is asked about {module}", flush=True)
    print(f"::fleet progress writing measures/{module}.py", flush=True)
    for left in range(linger_secs, 0, -1):
        print(f"::fleet progress thinking about {module}, {left} s more", flush=True)
        time.sleep(1)
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


def take_long() -> NoReturn:
    """Half an hour of work to watch; it can be stopped as any other."""
    for number in range(1, 1801):
        print(f"house {number}: {number % 4 + 1} people", flush=True)
        if number % 5 == 0:
            print(f"::fleet progress {number} houses visited", flush=True)
        time.sleep(1)
    sys.exit(1)


def never_end() -> NoReturn:
    """As agents do that went astray: no end, and deaf to being told to."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with subprocess.Popen(_HIDDEN):
        number = 1
        while True:
            print(f"::fleet progress {number} is not the last prime", flush=True)
            number += 2
            time.sleep(1)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
