"""What the fleet does: load, decide, then append and ask for effects in one transaction. One file per kind of step."""
