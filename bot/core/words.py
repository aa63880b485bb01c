"""Finding things by words: what a text is cut into, for the one who writes and the one who seeks alike."""

import re
import unicodedata
from typing import Final

_WORD: Final = re.compile(r"\w+")
_LONGEST: Final = 40
#: Words kept of one text, and of one search.
MOST_KEPT: Final = 60
MOST_SOUGHT: Final = 8


def words(text: str) -> list[str]:
    """The different words of ``text``, in lower case and without marks on their letters, in order of appearance."""
    decomposed = unicodedata.normalize("NFKD", text[:10_000].casefold())
    bare = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return list(dict.fromkeys(word[:_LONGEST] for word in _WORD.findall(bare)))


def key(word: str) -> str:
    """``word`` as it is stored: hexadecimal digits sort alike in every database and language."""
    return word.encode("utf-8", "surrogatepass").hex()


def keys_beginning_with(word: str) -> tuple[str, str]:
    """The keys of words that begin with ``word`` are from the first on, and before the second."""
    return key(word), f"{key(word)}g"
