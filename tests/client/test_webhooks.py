"""A receiver takes what the service has signed, and nothing else."""

import json

import pytest

from app.client.webhooks import NotSigned, sign, verify

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'
AT = 1614265330
# The example of https://github.com/standard-webhooks/standard-webhooks, which its libraries are tested with.
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
HEADERS = {
    "Webhook-Id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "Webhook-Timestamp": str(AT),
    "Webhook-Signature": f"v1,bm9wZQ== {SIGNATURE}",
}


def test_a_signature_is_that_of_standard_webhooks():
    assert sign(SECRET, HEADERS["Webhook-Id"], AT, BODY) == SIGNATURE
    assert verify(SECRET, HEADERS, BODY, now=AT + 10) == json.loads(BODY)


@pytest.mark.parametrize(
    ("changed", "body", "now", "said"),
    [
        ({}, BODY + b" ", AT, "no signature"),
        ({"Webhook-Id": "msg_other"}, BODY, AT, "no signature"),
        ({"Webhook-Timestamp": str(AT + 1)}, BODY, AT, "no signature"),
        ({"Webhook-Timestamp": "soon"}, BODY, AT, "whole seconds"),
        ({"Webhook-Signature": "v1,ä"}, BODY, AT, "no signature"),
        ({}, BODY, AT + 301, "301 s off; at most 300 s"),
        ({}, BODY, AT - 301, "301 s off; at most 300 s"),
    ],
)
def test_what_was_changed_or_comes_late_is_refused(changed, body, now, said):
    with pytest.raises(NotSigned, match=said):
        verify(SECRET, HEADERS | changed, body, now=now)


def test_another_secret_a_missing_header_and_a_secret_that_is_none_are_told_apart():
    with pytest.raises(NotSigned, match="no signature"):
        verify("whsec_AAAA", HEADERS, BODY, now=AT)
    with pytest.raises(NotSigned, match="webhook-signature is missing"):
        verify(SECRET, {name: HEADERS[name] for name in ("Webhook-Id", "Webhook-Timestamp")}, BODY, now=AT)
    with pytest.raises(ValueError, match="secret is none"):
        verify("whsec_ä", HEADERS, BODY, now=AT)
