"""Where an endpoint is, and the token that it wants: neither may give a secret away.

A token is named as ``env:NAME`` and read from the environment when a request is sent. No object
holds it, so that it can be in no file, message, traceback or pickle.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import parse_qsl, urlsplit

from pydantic import AfterValidator, BeforeValidator

from pixleak.core.errors import InputError, setting

_SECRET = re.compile(
    r"token|secret|password|passwd|signature|credential|api_?-?key|^key$|^sig$", re.I
)
_VARIABLE = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]*)")


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if not known or re.search(r"[\s\x00-\x1f]", url):
        raise ValueError("must be an address such as https://host/path")
    if parts.username is not None or parts.password is not None:
        raise ValueError(
            "holds a user or password, which would be written into results; give a token "
            "from the environment, as env:NAME, in place of it"
        )
    if parts.fragment:
        raise ValueError("must not have a part after '#', which is never sent")
    named = [key for key, _ in parse_qsl(parts.query, keep_blank_values=True)]
    if secret := [key for key in named if _SECRET.search(key)]:
        raise ValueError(
            f"has {secret[0]!r} after its '?', which looks like a secret and would be written "
            "into results; give a token from the environment, as env:NAME, in place of it"
        )
    return url


def _checked_variable(given: object) -> object:
    # The value is never repeated: it may be the token itself.
    if given is not None and not (isinstance(given, str) and _VARIABLE.fullmatch(given)):
        raise ValueError(
            "must name an environment variable that holds the token, as env:NAME; the token itself "
            "would be written into results"
        )
    return given


Url = Annotated[str, AfterValidator(_checked_url)]
"""An http or https address without a secret in it."""

TokenName = Annotated[str, BeforeValidator(_checked_variable)]
"""``env:NAME``, the environment variable that holds a token."""


@dataclass(frozen=True)
class Token:
    """Which header carries which environment variable.

    Args:
        variable: its name, or None for no token.
        header: ``Authorization``, which gets ``Bearer`` in front of the token, or another.
    """

    variable: str | None
    header: str = "Authorization"

    @classmethod
    def named(cls, written: str | None, header: str) -> Token:
        """The token that ``env:NAME`` names."""
        return cls(None if written is None else written.removeprefix("env:"), header)

    def headers(self) -> dict[str, str]:
        """What a request carries.

        Raises:
            InputError: the variable is not set, or holds what no header can carry.
        """
        if self.variable is None:
            return {}
        value = os.environ.get(self.variable, "").strip()
        if not value:
            raise InputError(
                f"{setting('target.token')} names the environment variable {self.variable}, which "
                f"is not set or empty: set it, as in export {self.variable}=..."
            )
        if not value.isascii() or not value.isprintable():
            raise InputError(
                f"the environment variable {self.variable} holds characters that no header can "
                "carry (line breaks, or letters outside ASCII): set it to the token alone"
            )
        bearer = self.header.lower() == "authorization" and " " not in value
        return {self.header: f"Bearer {value}" if bearer else value}

    def removed(self, text: str) -> str:
        """A text of the service's without the token, in case it repeats it."""
        value = os.environ.get(self.variable or "", "").strip()
        for part in {value, *value.split()} if value else ():
            text = text.replace(part, "[token]")
        return text


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of an address."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return parts.scheme, (parts.hostname or "").lower(), port
