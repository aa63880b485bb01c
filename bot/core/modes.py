"""How an agent runs: who starts it, and so who watches over its attempts."""

from typing import Final

#: It asks for tasks itself; heartbeats keep its lease.
HTTP_PULL: Final = "http_pull"
#: We start it on a host and watch it: neither lease nor timer ends its attempt behind our back.
SSH_CLI: Final = "ssh_cli"
#: We start a workflow for it, and the job works as a pull agent: a lease holds from the job's first word on.
ACTIONS: Final = "actions"
