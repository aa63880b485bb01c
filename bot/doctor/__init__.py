"""`agent-fleet doctor`: look at everything that can be wrong with an installation, and say how to put it right."""
