"""Where a webhook may go: a table of what is refused, and real sockets to see who is dialled."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import trustme

from notes.provider import Later, Never
from notes.webhooks import sending
from notes.webhooks.addresses import AddressRefused, is_public, parse, resolve
from notes.webhooks.sending import judge, post
from tests.fakes.receiver import Receiver
from tests.services import free_port

PUBLIC = "93.184.215.14"

#: Refused as written, before any name is resolved.
BAD = [
    # schemes, ports
    "http://example.com/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "//example.com/",
    "example.com/hook",
    "https:example.com",
    "https:///example.com",
    "https://example.com:8443/",
    "https://example.com:80/",
    "https://example.com:99999/",
    "https://example.com:",
    "https://example.com:443:80/",
    # who it is for, and tricks of parsers
    "https://user@example.com/",
    "https://user:password@example.com/",
    "https://example.com@127.0.0.1/",
    "https://example.com\\@127.0.0.1/",
    "https://127.0.0.1#@example.com/",
    "https://example.com/#fragment",
    "https://example.com/a b",
    "https://example.com/\r\nHost: 127.0.0.1",
    "https://example.com\n",
    " https://example.com/",
    "https://example.com/\x00",
    "https://exa\tmple.com/",
    "https://example.com./",
    "https://exämple.com/",
    "https://example.com。evil/",
    "https://①②⑦.⓪.⓪.①/",
    "https://%31%32%37.0.0.1/",
    "https://[::1/",
    "https://[127.0.0.1]/",
    "https://-a.example.com/",
    "https://a..example.com/",
    f"https://example.com/{'a' * 500}",
    "",
    # names that are not the internet's
    "https://localhost/",
    "https://LOCALHOST/",
    "https://app.localhost/",
    "https://metadata.google.internal/",
    "https://printer.local/",
    "https://srv-captain--redis/",
    # addresses
    "https://127.0.0.1/",
    "https://127.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0177.0.0.1/",
    "https://127.0.0.0x1/",
    "https://0.0.0.0/",
    "https://10.1.2.3/",
    "https://172.16.0.1/",
    "https://192.168.1.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://100.64.0.1/",
    "https://192.0.0.8/",
    "https://198.18.0.1/",
    "https://203.0.113.7/",
    "https://224.0.0.1/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://[::]/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b::10.0.0.1]/",
    "https://[64:ff9b:1::a00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[2002:c0a8:101::1]/",
    "https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fc00::1]/",
    "https://[fec0::1]/",
    "https://[ff02::1]/",
    "https://[2001:db8::1]/",
    "https://[100::1]/",
    "https://[3fff::1]/",
]  # fmt: skip

GOOD = {
    "https://example.com": ("example.com", 443, "/"),
    "https://Hooks.Example.com/A/b?c=d&e=%20": ("hooks.example.com", 443, "/A/b?c=d&e=%20"),
    "https://example.com?x": ("example.com", 443, "/?x"),
    "https://example.com:443/": ("example.com", 443, "/"),
    "https://xn--exmple-cua.com/": ("xn--exmple-cua.com", 443, "/"),
    "https://1.1.1.1/": ("1.1.1.1", 443, "/"),
    "https://[2606:4700::1111]/": ("2606:4700::1111", 443, "/"),
}


@pytest.mark.parametrize("url", BAD, ids=[f"bad{n}" for n in range(len(BAD))])
def test_what_is_not_plainly_a_public_address_is_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        parse(url)


def test_the_table_of_bad_addresses_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(set(BAD)) == len(BAD) >= 25
    with capsys.disabled():
        print(f"\nwebhooks: {len(BAD)} bad addresses refused, {len(GOOD)} good ones taken")


@pytest.mark.parametrize("url", list(GOOD))
def test_a_public_address_is_taken_apart(url: str) -> None:
    target = parse(url)
    assert (target.host, target.port, target.path) == GOOD[url]


@pytest.mark.parametrize(
    "address", ["2606:4700::1111", "64:ff9b::101:101", "2002:101:101::", "::ffff:1.1.1.1"]
)
def test_public_addresses_are_public_however_they_are_written(address: str) -> None:
    assert is_public(ip_address(address))


class Names:
    """A resolver that answers each question for a name with the next of its answers."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked = 0
        self._real = socket.getaddrinfo

    def __call__(self, host: str, port: int, *args: Any, **options: Any) -> Any:
        if host.replace(".", "").isdigit():
            return self._real(host, port, *args, **options)
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in answer]


class Dialled(list[str]):
    """Replaces every connect to another machine by a refusal, and remembers all."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        real = socket.socket.connect

        def connect(plain: socket.socket, address: Any) -> None:
            self.append(address[0])
            if not address[0].startswith("127."):
                raise ConnectionRefusedError
            real(plain, address)

        patch.setattr(socket.socket, "connect", connect)


@pytest.mark.parametrize(
    "answers", [["127.0.0.1"], [PUBLIC, "10.0.0.1"], ["10.0.0.1", PUBLIC], ["::1"], ["0.0.0.0"]]
)
def test_a_name_with_one_address_that_is_not_public_is_not_called(
    monkeypatch: pytest.MonkeyPatch, answers: list[str]
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Names(answers))
    dialled = Dialled(monkeypatch)
    with pytest.raises(Later, match="address_refused"):
        post("https://hooks.example.com/", b"{}", {})
    assert dialled == []


def test_a_name_that_turns_inwards_after_the_check_is_dialled_where_it_was_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = Names([PUBLIC], ["127.0.0.1"])
    monkeypatch.setattr(socket, "getaddrinfo", names)
    dialled = Dialled(monkeypatch)
    with pytest.raises(Later, match="receiver_unreachable"):
        post("https://rebinding.example.com/", b"{}", {})
    assert (names.asked, dialled) == (1, [PUBLIC])
    assert resolve(parse("https://rebinding.example.com/"), allow_private=True) == ["127.0.0.1"]


def test_an_unknown_name_is_tried_later(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: Any, **options: Any) -> None:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(Later, match="name_unknown"):
        post("https://gone.example.com/", b"{}", {})


# --- Calls that arrive ---------------------------------------------------------------------------


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secure(authority: trustme.CA) -> Iterator[Receiver]:
    """A receiver with a certificate for hooks.example.com."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("hooks.example.com").configure_cert(context)
    with Receiver(context) as running:
        yield running


@pytest.fixture
def trusted(authority: trustme.CA, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    fresh = ssl.create_default_context()
    monkeypatch.setattr(sending, "_tls", lambda: fresh)


def send(url: str, **headers: str) -> int:
    return post(url, b'{"a":1}', headers, allow_private=True).status


@pytest.mark.usefixtures("trusted")
def test_the_certificate_is_checked_for_the_name_and_not_for_the_address(
    secure: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Names(["127.0.0.1"]))
    assert send(f"https://hooks.example.com:{secure.port}/in") == 200
    assert secure.calls[0].headers["host"] == f"hooks.example.com:{secure.port}"
    assert (secure.calls[0].path, secure.calls[0].body) == ("/in", b'{"a":1}')
    with pytest.raises(Later, match="receiver_tls"):
        send(f"https://other.example.com:{secure.port}/in")
    assert len(secure.calls) == 1


def test_a_certificate_of_nobody_we_trust_is_refused(
    secure: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Names(["127.0.0.1"]))
    with pytest.raises(Later, match="receiver_tls"):
        send(f"https://hooks.example.com:{secure.port}/in")
    assert secure.calls == []


def test_a_proxy_of_the_environment_is_not_used(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    assert send(receiver.url) == 200
    assert receiver.calls[0].path == "/hook?to=me"


def test_a_redirect_is_a_failure_and_is_not_followed(receiver: Receiver) -> None:
    with Receiver() as elsewhere:
        receiver.status, receiver.headers = 302, {"Location": elsewhere.url}
        with pytest.raises(Later, match="receiver_redirected"):
            judge(post(receiver.url, b"{}", {}, allow_private=True))
        assert (len(receiver.calls), elsewhere.accepted) == (1, 0)


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, Later, "receiver_refused"),
        (404, Later, "receiver_refused"),
        (429, Later, "receiver_refused"),
        (500, Later, "receiver_refused"),
        (410, Never, "receiver_gone"),
    ],
)
def test_an_answer_that_is_no_yes_is_a_failure(
    receiver: Receiver, status: int, kind: type[Exception], code: str
) -> None:
    receiver.status, receiver.headers = status, {"Retry-After": "77"}
    with pytest.raises(kind, match=code) as caught:
        judge(post(receiver.url, b"{}", {}, allow_private=True))
    if isinstance(caught.value, Later):
        assert caught.value.retry_after == 77


def test_who_does_not_answer_is_left_after_a_while(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "STEP_SECONDS", 0.3)
    receiver.slow = 20
    started = time.monotonic()
    with pytest.raises(Later, match="receiver_timeout"):
        send(receiver.url)
    assert time.monotonic() - started < 8


def test_who_answers_letter_by_letter_is_cut_off(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "TOTAL_SECONDS", 1.0)
    receiver.slow, receiver.drip = 0.1, True
    started = time.monotonic()
    with pytest.raises(Later, match="receiver_timeout"):
        send(receiver.url)
    assert time.monotonic() - started < 8


def test_a_long_answer_is_not_read(receiver: Receiver) -> None:
    receiver.headers = {"Content-Length": str(10**12)}
    assert send(receiver.url) == 200


def test_nobody_at_the_address_is_tried_later() -> None:
    with pytest.raises(Later, match="receiver_unreachable"):
        send(f"http://127.0.0.1:{free_port()}/")
