"""A world to tell stories in: people on a forge, agents, time, and the fleet between them. Everything but time is real:
the stand-in Forgejo and our own server answer over HTTP, git pushes over HTTP, the database is a file.
"""

from tests.world.world import World

__all__ = ["World"]
