"""Where work happens: git, workspaces and the processes of agents."""
