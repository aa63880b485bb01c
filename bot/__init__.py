"""Agent Fleet: issues on a Forgejo become pull requests made by a fleet of coding agents."""

__version__ = "0.1.0"
