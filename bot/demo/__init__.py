"""`agent-fleet demo`: the whole way from labelled issues to merged pull requests, on one machine, in a minute.

Everything is real but the forge, which is the stand-in: server, worker and agents are processes of their own that
talk over HTTP, and the agents' work is real commits that make failing tests pass.
"""
