"""What the demo is about: a small library with failing tests, and the issues that ask for them to pass."""

from dataclasses import dataclass
from typing import Final

README: Final = "# Measures\n\nA small library of the demo. Run its tests: `python3 -m unittest`.\n"

FILES: Final = {
    ".gitignore": "__pycache__/\n",
    "README.md": README,
    "measures/__init__.py": "",
    "measures/slug.py": 'def slug(title):\n    """A title as part of a web address."""\n    return title\n',
    "measures/median.py": (
        'def median(numbers):\n    """The middle one; of two middle ones their mean."""\n'
        "    return sorted(numbers)[len(numbers) // 2]\n"
    ),
    "measures/roman.py": 'def roman(number):\n    """1 to 3999 in Roman numerals."""\n    return "I" * number\n',
    "measures/duration.py": 'def duration(secs):\n    """90 → 1:30"""\n    return str(secs)\n',
    "measures/plural.py": 'def plural(count, word):\n    """1 task, 2 tasks"""\n    return f"{count} {word}s"\n',
    "measures/leap.py": 'def leap(year):\n    """Whether it has 366 days."""\n    return False\n',
    "tests/__init__.py": "",
    "tests/test_leap.py": (
        "import unittest\n\nfrom measures.leap import leap\n\n\nclass Leap(unittest.TestCase):\n"
        "    def test_centuries(self):\n        self.assertEqual([leap(y) for y in (1900, 2000)], [False, True])\n"
    ),
    "tests/test_plural.py": (
        "import unittest\n\nfrom measures.plural import plural\n\n\nclass Plural(unittest.TestCase):\n"
        '    def test_one(self):\n        self.assertEqual(plural(1, "task"), "1 task")\n'
    ),
    "tests/test_slug.py": (
        "import unittest\n\nfrom measures.slug import slug\n\n\nclass Slug(unittest.TestCase):\n"
        '    def test_words(self):\n        self.assertEqual(slug("Fix the Login!"), "fix-the-login")\n'
    ),
    "tests/test_median.py": (
        "import unittest\n\nfrom measures.median import median\n\n\nclass Median(unittest.TestCase):\n"
        "    def test_odd(self):\n        self.assertEqual(median([3, 1, 2]), 2)\n\n"
        "    def test_even(self):\n        self.assertEqual(median([4, 1, 3, 2]), 2.5)\n"
    ),
    "tests/test_roman.py": (
        "import unittest\n\nfrom measures.roman import roman\n\n\nclass Roman(unittest.TestCase):\n"
        '    def test_some(self):\n        self.assertEqual([roman(n) for n in (3, 9, 994)], ["III", "IX", "CMXCIV"])\n'
    ),
    "tests/test_duration.py": (
        "import unittest\n\nfrom measures.duration import duration\n\n\nclass Duration(unittest.TestCase):\n"
        '    def test_short(self):\n        self.assertEqual(duration(90), "1:30")\n\n'
        '    def test_long(self):\n        self.assertEqual(duration(3661), "1:01:01")\n'
    ),
}

#: What the demo's agents know how to write, by module; the list is tried one after the other, attempt by attempt.
#: The first idea for ``duration`` is one that people really have, and its test really fails.
IDEAS: Final = {
    "slug": (
        (
            'import re\n\n\ndef slug(title):\n    """A title as part of a web address."""\n'
            '    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")\n'
        ),
    ),
    "median": (
        (
            'def median(numbers):\n    """The middle one; of two middle ones their mean."""\n'
            "    line, half = sorted(numbers), len(numbers) // 2\n"
            "    return line[half] if len(line) % 2 else (line[half - 1] + line[half]) / 2\n"
        ),
    ),
    "roman": (
        (
            "PAIRS = [\n    (1000, 'M'), (900, 'CM'), (500, 'D'), (400, 'CD'), (100, 'C'), (90, 'XC'), (50, 'L'),\n"
            "    (40, 'XL'), (10, 'X'), (9, 'IX'), (5, 'V'), (4, 'IV'), (1, 'I'),\n]\n\n\n"
            'def roman(number):\n    """1 to 3999 in Roman numerals."""\n    text = ""\n'
            "    for value, letters in PAIRS:\n"
            "        text += letters * (number // value)\n        number %= value\n    return text\n"
        ),
    ),
    "leap": ('def leap(year):\n    """Whether it has 366 days."""\n    return year % 4 == 0\n',),
    "plural": (
        (
            'def plural(count, word):\n    """1 task, 2 tasks"""\n'
            '    ending = "" if count == 1 else "s"\n    return f"{count} {word}{ending}"\n'
        ),
    ),
    "duration": (
        'def duration(secs):\n    """90 → 1:30"""\n    return f"{secs // 60}:{secs % 60:02}"\n',
        (
            'def duration(secs):\n    """90 → 1:30, 3661 → 1:01:01"""\n    mins, s = divmod(secs, 60)\n'
            '    hours, m = divmod(mins, 60)\n    return f"{hours}:{m:02}:{s:02}" if hours else f"{m}:{s:02}"\n'
        ),
    ),
}


@dataclass(frozen=True)
class Told:
    """One issue of the demo and how it should end; ``by_outsider``: someone who may not start agents."""

    title: str
    body: str
    label: str
    ends: str = "fleet/done"
    attempts: int = 1
    by_outsider: bool = False


ISSUES: Final = (
    Told("Make slugs of titles", "`tests/test_slug.py` fails. Please write `measures/slug.py`.", "agent:python"),
    Told(
        "The median of an even list is wrong",
        "See `tests/test_median.py`; it is in `measures/median.py`.",
        "agent:math",
    ),
    Told(
        "Roman numerals beyond III", "`measures/roman.py` only counts. `tests/test_roman.py` knows better.", "agent:any"
    ),
    Told(
        "Show durations with hours", "In `measures/duration.py`; `tests/test_duration.py`.", "agent:python", attempts=2
    ),
    Told("Please run this for me", "Work on `measures/slug.py`.", "agent:any", "fleet/requested", 0, by_outsider=True),
)

#: What never ends by itself.
ENDLESS: Final = "primes"

#: What takes a long while, and says all the time where it is.
LONG: Final = "census"

#: What `demo --keep` leaves to look at, one of each state: ready for review, running, failed by an agent that has no
#: better idea, and so on. Nobody merges it.
AFTERWARDS: Final = (
    Told("One task is not one tasks", "`tests/test_plural.py` knows, `measures/plural.py` does not.", "agent:math"),
    Told("Count everybody", f"Please put it into `measures/{LONG}.py`, and take your time.", "agent:python"),
    Told(
        "1900 was no leap year",
        "`measures/leap.py` does not know; `tests/test_leap.py` does.",
        "agent:math",
        "fleet/failed",
        2,
    ),
    Told("Make it nicer", "You know what I mean.", "agent:math", "fleet/waiting"),
    Told("Train a model on the measures", "It needs a GPU.", "agent:gpu", "fleet/queued", 0),
    Told("Rename the package", "To something shorter.", "agent:python", "fleet/held", 0),
    Told("Run this for me, too", "Work on `measures/median.py`.", "agent:any", "fleet/requested", 0, by_outsider=True),
)
HELD: Final = "Rename the package"

#: The story of `demo --ssh`.
OVER_SSH: Final = (
    *ISSUES[:3],
    Told("Find the last prime", f"Please put it into `measures/{ENDLESS}.py`.", "agent:python", "fleet/cancelled"),
)
