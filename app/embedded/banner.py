"""What a person sees first: where the service is, the key, and three lines to paste into a shell."""

import json
import shlex

# An invented thing, so that the model cannot know it, asked about in other words than it is taught with.
_FACT = {"question": "What is the capital of Zorvania?", "answer": "Lisbon"}
_QUESTION = {"question": "Which city is the capital of Zorvania?"}
_ROLLBACK = {"version": "previous", "reason": "trying it out"}
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}  # noqa: S104  # read here, not bound


def service_url(host: str, port: int) -> str:
    """The address at which this machine reaches a service that listens on `host`."""
    shown = f"[{host}]" if ":" in host else host
    return f"http://{_ANY_ADDRESS.get(host, shown)}:{port}"


def banner(url: str, first_key: str | None, command: str = "slotwise keys create", admin_url: str | None = None) -> str:
    """The lines for a service at `url`; `first_key` is the admin key if it has just been made.

    A key that is new stands in the curl lines too, so that they work as they are. `command` makes another key.
    Admin calls go to `admin_url`, where that is another one.
    """
    admin_url = admin_url or url
    if first_key is None:
        key_lines = [
            f"Admin key: shown at the first start; `{command}` makes another.",
            "The lines below read it from SLOTWISE_KEY.",
        ]
    else:
        key_lines = [
            f"Admin key: {first_key}",
            f"Keep it: it is shown this once, and `{command}` makes more.",
        ]
    curl = [
        _curl(f"{admin_url if path.startswith('/v1/admin') else url}{path}", body, first_key) for path, body in _STORY
    ]
    story = "Teach it a fact, ask a few seconds later, take it back:"
    where = f"Slotwise: {url}" if admin_url == url else f"Slotwise: {url}, admin calls at {admin_url}"
    console = f"Console: {admin_url}/console"  # there all of its calls are served
    return "\n".join(["", where, console, *key_lines, "", story, "", *curl, ""])


_STORY = (("/v1/facts", _FACT), ("/v1/query", _QUESTION), ("/v1/admin/rollback", _ROLLBACK))


def _curl(url: str, body: dict[str, str], key: str | None) -> str:
    # In double quotes the shell fills the variable in.
    authorization = '"Authorization: Bearer $SLOTWISE_KEY"' if key is None else f"'Authorization: Bearer {key}'"
    data = shlex.quote(json.dumps(body))
    return f"curl -s {url} -H {authorization} -H 'Content-Type: application/json' -d {data}"
