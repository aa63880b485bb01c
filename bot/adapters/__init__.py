"""How each agent command is started and understood: one file per CLI, pure, found by ``registry``."""
