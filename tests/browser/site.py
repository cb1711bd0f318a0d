"""The product with people who can sign in, and a vendor that is told what it hears."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from tests.fakes.provider import FakeProvider
from tests.services import wait_for
from tests.services.valkey import Valkey
from tests.stack import Client, Stack

PASSWORD = "certa-e-longa-7"
#: Made in one go; each test takes its own.
PEOPLE = 40

#: Each person has a password, a token and a session; hashing once is enough.
_NEW_PEOPLE = """
import json
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from notes.models import ApiToken

password = make_password({password!r})
for name in {names}:
    user = User.objects.create(username=name, email=name + "@example.com", password=password,
                               is_staff={root}, is_superuser={root})
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "notes.logins.ThrottledBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    print(json.dumps([name, session.session_key, ApiToken.issue(user.pk, name="tests")[1]]))
"""


@dataclass(frozen=True)
class Person:
    """Somebody with an account, PASSWORD, a session in a browser, and a client of the API."""

    username: str
    session: str
    client: Client


@dataclass
class Site:
    """A running stack, its vendor, and people without notes."""

    stack: Stack
    provider: FakeProvider
    people: Iterator[Person]
    taken: list[Person] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.stack.url

    def person(self) -> Person:
        """Somebody nobody else has taken."""
        self.taken.append(next(self.people))
        return self.taken[-1]

    def settle(self) -> None:
        """Back when no note is under way: the next test counts what the vendor is asked."""
        for person in self.taken:
            wait_for(partial(_is_settled, person.client), 60, f"{person.username}'s notes go on")
        self.taken.clear()

    def operator(self, name: str) -> Person:
        """A superuser called ``name``; costs a Django start."""
        return next(new_people(self.stack, [name], root=True))


def _is_settled(client: Client) -> bool:
    notes = client.list(limit=100)["results"]
    return all(note["processing_status"] in ("completed", "failed") for note in notes)


@contextmanager
def running_site() -> Iterator[Site]:
    """The product on SQLite, with a Valkey and a fake vendor; retries are quick."""
    env = {"SWEEP_SECONDS": "1", "USER_REQUESTS_PER_MINUTE": "0", "WEB_THREADS": "16"}
    with (
        FakeProvider() as provider,
        Valkey() as valkey,
        Stack(env, redis=valkey.url, provider=provider.url) as stack,
    ):
        names = [f"person{number}" for number in range(PEOPLE)]
        yield Site(stack, provider, new_people(stack, names))


def new_people(stack: Stack, names: list[str], *, root: bool = False) -> Iterator[Person]:
    """An account for each of ``names``."""
    code = _NEW_PEOPLE.format(password=PASSWORD, names=json.dumps(names), root=root)
    for line in stack.manage("shell", "--no-imports", "-c", code).splitlines():
        if line.startswith("["):
            name, session, token = json.loads(line)
            yield Person(name, session, stack.client(token))
