"""What people read who sign in to the dashboard, and out."""

# --- settings -----------------------------------------------------------------------------------------------


def half_an_application(missing: str) -> str:
    return f"An OAuth2 application has an id and a secret; {missing} is missing."


def set_both() -> str:
    return "Set both, or neither."


#: As the list of deeds has it.
SIGNED_IN = "signed in"

# --- signing in ---------------------------------------------------------------------------------------------


def start_again() -> str:
    return "Start again from the sign-in page."


def sign_in_expired() -> str:
    return (
        "This sign-in was not begun in this browser, or it took longer than 10 minutes, or another one was begun since."
    )


def open_it_under(url: str) -> str:
    return f"Open the dashboard under {url} and sign in from there."


def forge_said_no(why: str) -> str:
    return f"The forge did not let you in: {why}."


def forge_denied() -> str:
    return "you did not allow it"


def no_forge_sign_in() -> str:
    return "Nobody can sign in with the forge yet: no OAuth2 application is configured."


def configure_application() -> str:
    return "Set client_id and client_secret under [dashboard], or sign in with an admin token."


def not_a_person() -> str:
    return "This account belongs to the bot or to an agent; those never steer anything."


def use_own_account() -> str:
    return "Sign in to the forge with your own account."


def forge_says_nothing() -> str:
    return "The forge accepted the sign-in but did not say who you are."


def code_refused(why: str) -> str:
    return f"The forge did not accept the sign-in{f': {why}' if why else ''}."


def check_application() -> str:
    return (
        "Try again; if it happens again, compare client_id, client_secret and the redirect URI with the application "
        "in the forge."
    )


def token_not_accepted() -> str:
    return "This is not a valid admin token."


def make_admin_token() -> str:
    return "Make one on the server: agent-fleet tokens create --role admin --name <your name>."


def too_many_tries(secs: int) -> str:
    return f"Too many wrong tokens came from your address. Try again in {secs} s."


# --- what is not allowed ------------------------------------------------------------------------------------


def sign_in_first() -> str:
    return "You are not signed in."


def where_to_sign_in() -> str:
    return "Sign in at /login."


def operators_only() -> str:
    return "Only operators may do this."


def ask_an_operator() -> str:
    return "Sign in with an admin token, or have your login added to admins under [dashboard]."


def writers_only(repo: str) -> str:
    return f"You have no write access to {repo}."


def ask_its_owner() -> str:
    return "Ask its owner for write access on the forge."


def not_here() -> str:
    return "There is nothing here, or nothing that you may see."


def from_elsewhere() -> str:
    return "This request did not come from a page of the dashboard, or that page is too old."


def reload_page() -> str:
    return "Go back, load the page again and press the button once more."
