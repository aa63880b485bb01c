"""Every sentence of `agent-fleet receipts`: what checking signed receipts found."""


def holds(name: str, number: int, repo: str, result: str) -> str:
    return f"{name}: receipt {number} of {repo}, signed and unchanged; verdict {result}."


def rule_line(rule: str, name: str, verdict: str, observed: str) -> str:
    return f"  {rule:<4} {verdict:<8} {name}: {observed}"


def unreadable(name: str, why: str) -> str:
    return f"{name} is no receipt: {why}."


def not_a_receipt() -> str:
    return "it has not the members of fleet.receipt/1"


def unsigned(name: str) -> str:
    return f"{name} names no key that signed it: the signature was taken away or damaged."


def unknown_key(name: str, key_id: str) -> str:
    return f"{name} was signed with key {key_id}, which is not among the public keys given."


def bad_signature(name: str) -> str:
    return f"{name} was changed, or was not signed with the key it names: its signature does not fit."


def verdict_contradicts(name: str, said: str, follows: str) -> str:
    return f"{name} says {said}, but its own checks give {follows}."


def missing_predecessor(repo: str, number: int) -> str:
    return f"Receipt {number} of {repo} is missing between the others."


def broken_link(repo: str, number: int) -> str:
    return f"Receipt {number} of {repo} does not continue the one before it: one of them was exchanged."


def twice(repo: str, number: int) -> str:
    return f"There are two different receipts {number} of {repo}."


def old_key_again(repo: str, number: int, key_id: str) -> str:
    return f"Receipt {number} of {repo} was signed with key {key_id} after that one had been replaced."


def begins_at(repo: str, number: int) -> str:
    return f"{repo}: the chain before receipt {number} was not given and is not checked."


def chain_whole(repo: str, last: int) -> str:
    return f"{repo}: the chain is whole from receipt 1 to {last}."


def no_beginning(repo: str, number: int) -> str:
    return f"{repo}: --complete asks for the chain from receipt 1 on, the first one given is {number}."


def online_differs(name: str, what: str) -> str:
    return f"{name}: the forge says otherwise: {what}."


def online_agrees(name: str) -> str:
    return f"{name}: the forge says the same."


def no_receipt_of(what: str) -> str:
    return f"There is no signed receipt of {what[:80]}."


def when_receipts_come() -> str:
    return "One is written when a result's branch and pull request are published and CI has answered."


def key_rotated(old: str, new: str) -> str:
    return (
        f"Receipts are signed with key {new} from now on; {old or 'no key'} is retired. Give "
        "readers the new public key."
    )


def no_repository(name: str) -> str:
    return f"there is no repository {name[:100]}, or it is not shown to the bot"


def pull_now(number: int, what: str, said: object, found: object) -> str:
    return f"{what} of #{number} is {found!s:.80}, the receipt says {said!s:.80}"


def commit_gone(head: str) -> str:
    return f"there is no commit {head[:12]}"


def status_now(head: str, wanted: str, found: str) -> str:
    return f"the commit status of {head[:12]} names {found[:40] or 'no receipt'}, this one is {wanted}"
