"""The log of a job that does the work itself, sent by the action's own script to a server of the test's."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any, Final

from werkzeug import Request, Response

from bot.standin.serve import serve

ROOT: Final = Path(__file__).parents[2]


def test_what_is_no_text_moves_nothing_that_follows(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 become longer when they are sent: positions must count what the server got."""
    kept = bytearray()

    def server(environ: Any, start_response: Any) -> Any:
        log = json.loads(Request(environ).get_data()).get("log")
        if log and log["offset"] == len(kept):
            kept.extend(log["text"].encode())
        answer = json.dumps({"cancel": False, "log_offset": len(kept)})
        return Response(answer, 200, content_type="application/json")(environ, start_response)

    (tmp_path / "log").write_bytes(b"\xff" * 1000 + "é".encode() * 200_000 + b"the end\xc3")
    with serve(server) as url:
        env = {"SERVER": url, "TOKEN": "t", "STEP": "progress", "RUN": "r", "TASK_ID": "t_1", "FENCE": "1"}
        given = {f"FLEET_{name}": value for name, value in env.items()} | {"FLEET_LOG_FILE": str(tmp_path / "log")}
        subprocess.run(
            ["node", ROOT / "actions/report/main.mjs"], env={"PATH": os.environ["PATH"], **given}, check=True
        )
    assert kept.decode() == "\ufffd" * 1000 + "é" * 200_000 + "the end"
