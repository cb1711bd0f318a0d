"""Schemathesis against the running API, as two users: ``python -m tests.contract``.

It reads the OpenAPI document that the server serves, so operations that are added later are tried
without a word here.
"""
