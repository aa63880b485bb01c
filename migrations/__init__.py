"""Numbered changes of the schema, applied in order by `agent-fleet migrate`; a released one is never edited."""
