"""`agent-fleet mcp`: the API as tools of the Model Context Protocol; the only importer of `mcp`."""
