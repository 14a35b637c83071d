"""What a receiver of webhooks needs: whether a message is from the service whose secret it has.

Messages are signed as https://www.standardwebhooks.com says, so its libraries read them, too.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

TOLERANCE_SECONDS = 300.0
_PREFIX = "whsec_"


class NotSigned(ValueError):
    """A message is not from the service, was changed on its way, or is too old to be taken; the text says which."""


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The header `webhook-signature`: HMAC-SHA256 over id, timestamp and body, with dots between. Raises ValueError."""
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except ValueError as error:  # of base64
        raise ValueError("the secret is none: whsec_ and base64 behind it are needed") from error
    signed = b".".join((message_id.encode(), str(timestamp).encode(), body))
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def verify(
    secret: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    tolerance: float = TOLERANCE_SECONDS,
    now: float | None = None,
) -> dict[str, Any]:
    """The event of a message: `type`, `timestamp`, `data`. Its id, by which a repeated one is known, is `webhook-id`.

    headers    of the request; their names in any case
    body       as it came, byte for byte: parsed and written again it has another signature
    tolerance  seconds by which the message may be old, or ahead
    Raises NotSigned, and ValueError for a secret that is none.
    """
    given = {name.lower(): value for name, value in headers.items()}
    missing = [name for name in ("webhook-id", "webhook-timestamp", "webhook-signature") if name not in given]
    if missing:
        raise NotSigned(f"the header {missing[0]} is missing")
    stamp = given["webhook-timestamp"]
    if not (stamp.isascii() and stamp.isdecimal()):
        raise NotSigned(f"webhook-timestamp is {stamp[:20]!r}; whole seconds are needed")
    expected = sign(secret, given["webhook-id"], int(stamp), body)
    # Several signatures stand beside each other, with spaces between, while a secret is changed.
    if not any(hmac.compare_digest(expected.encode(), one.encode()) for one in given["webhook-signature"].split()):
        raise NotSigned("no signature in webhook-signature is that of this message and secret")
    apart = abs((time.time() if now is None else now) - int(stamp))
    if apart > tolerance:
        raise NotSigned(f"the message is {apart:.0f} s off; at most {tolerance:.0f} s are allowed")
    found: dict[str, Any] = json.loads(body)
    return found
