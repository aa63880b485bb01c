"""The settings of ``[dashboard]``: who may sign in to look and press, and for how long."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from bot.core import signin_text as text
from bot.settings.values import Seconds, Section, Text, Token, WebAddress, impossible, once_each


class Dashboard(Section):
    """Who may look at the dashboard. Without `client_id` an operator's admin token is the only way in."""

    client_id: Annotated[str, Field(max_length=200)] = ""
    """Client id of the OAuth2 application made in the forge. Empty: nobody signs in with the forge."""
    client_secret: Token = SecretStr("")
    """Client secret of that application, beside `client_id`."""
    forge_url: WebAddress = ""
    """Address of the forge as browsers reach it. Empty: `forgejo.url`."""
    admins: Annotated[list[Text], AfterValidator(once_each)] = Field(default_factory=list)
    """Logins of people who see every repository and run the fleet: agents, hosts, tokens."""
    anonymous: bool = False
    """Let anyone look, without signing in, at what belongs to repositories that the forge shows to anyone."""
    idle_secs: Annotated[Seconds, Field(ge=60)] = 28_800
    """Without a sign of its person a session ends after so long; a page that is only left open is none."""
    session_secs: Annotated[Seconds, Field(ge=60)] = 604_800
    """After so long everybody signs in anew."""

    @model_validator(mode="after")
    def _both_or_neither(self) -> Self:
        if bool(self.client_id) != bool(self.client_secret.get_secret_value()):
            missing = "client_secret" if self.client_id else "client_id"
            raise impossible(text.half_an_application(missing), text.set_both(), missing)
        return self
