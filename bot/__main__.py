"""`python -m bot` is `agent-fleet`."""

from bot.cli import main

main()
