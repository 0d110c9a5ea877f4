"""Signs and verifies webhooks with Stripe's own library: webhooks.py TASK AT FILE.

sign      answers each line `secret \\t body in hex` of the file with a header
verify    answers each line `secret \\t header \\t body in hex` with `ok` or `no`
"""

import sys
import time

import stripe

task, at, lines = sys.argv[1], int(sys.argv[2]), open(sys.argv[3], encoding="utf-8")
time.time = lambda: float(at)
signature = stripe.WebhookSignature


def sign(secret, body):
    return signature.generate_signature_header(body, secret, timestamp=at)


def verify(secret, header, body):
    try:
        signature.verify_header(body, header, secret, tolerance=300)
    except stripe.SignatureVerificationError:
        return "no"
    return "ok"


for line in lines:
    *words, body = line.rstrip("\n").split("\t")
    body = bytes.fromhex(body).decode("utf-8")
    if task == "sign":
        print(sign(words[0], body))
    else:
        print(verify(words[0], words[1], body))
