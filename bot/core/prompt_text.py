"""Sentences about a repository's own files and about prompts."""


def file_too_large(path: str, size: int, limit: int) -> str:
    return f"`{path}` is {size} bytes long, more than the {limit} that are read. Shorten it."


def not_a_file(path: str) -> str:
    return f"`{path}` is a folder or a link. Make it an ordinary file."


def not_utf8(path: str, position: int) -> str:
    return f"`{path}` is not UTF-8: byte {position} does not belong there. Save it as UTF-8."
