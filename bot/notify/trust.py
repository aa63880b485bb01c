"""Whose certificates are believed: the usual ones, or those of a file for a server with a certificate of its own."""

import ssl

from bot.core import operator_text as text
from bot.core.errors import Refused


def context(ca_file: str) -> ssl.SSLContext:
    """``ca_file`` "" = the usual ones, else only those in it. Raises Refused when it cannot be used."""
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except OSError as problem:  # an SSLError is one, too
        why = problem.strerror or str(problem)
        raise Refused(text.certificates_unusable(ca_file, why), text.check_the_file(), 502, "ca_file") from problem
