"""Which paths a pattern names."""

import pytest

from bot.execution.paths import matches


@pytest.mark.parametrize(
    ("pattern", "path", "named"),
    [
        ("**/*.sql", "schema.sql", True),
        ("**/*.sql", "a/b/schema.sql", True),
        ("db/**/*.sql", "db/schema.sql", True),
        ("db/**", "db/a/b", True),
        ("/**/secrets/", "secrets/key", True),
        ("**/schema.sql", "myschema.sql", False),
        ("db/**/*.sql", "other/db/x.sql", False),
    ],
)
def test_two_stars_are_any_directories_and_none(pattern: str, path: str, named: bool) -> None:
    assert matches(path, pattern) is named
