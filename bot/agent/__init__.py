"""The pull agent (`agent-fleet agent`): asks a server for tasks, runs an agent command on each, sends back commits."""
