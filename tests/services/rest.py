"""A small client of the product's REST contract."""

from typing import Any

import httpx2

from .waiting import wait_for

DONE = frozenset({"completed", "failed"})

# What the contract calls a note, a box, a page: parsed JSON.
Json = dict[str, Any]


class Refused(Exception):
    """The product answered with an error; `problem` is its body, parsed if it is JSON."""

    def __init__(self, response: httpx2.Response) -> None:
        self.response = response
        self.status = response.status_code
        kind = response.headers.get("content-type", "")
        self.problem: Any = response.json() if "json" in kind else response.text
        request = response.request
        super().__init__(f"{request.method} {request.url}: {self.status} {self.problem}")


class Client:
    """One user's client. Each call gives the parsed body and keeps the answer in `response`.

    An error status raises `Refused`. Threads may share a client, but then `response` is anybody's.
    """

    response: httpx2.Response

    def __init__(self, base_url: str, token: str) -> None:
        self.token = token
        # Without the environment: a proxy of the developer's must not stand between.
        self.http = httpx2.Client(
            base_url=base_url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
            trust_env=False,
        )

    def call(self, method: str, path: str, **options: Any) -> Any:
        """Any request below /api/v1/; the parsed body, or None if there is none."""
        self.response = response = self.http.request(method, f"/api/v1/{path}", **options)
        if response.is_error:
            raise Refused(response)
        return response.json() if response.content else None

    def upload(
        self,
        audio: bytes,
        filename: str = "voice.webm",
        *,
        idempotency_key: str | None = None,
        **form: str,
    ) -> Json:
        """Send a voice note; form fields as in the contract (`box`, `language`, `source`, ...)."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        files = {"audio": (filename, audio)}
        note: Json = self.call("POST", "notes", files=files, data=form, headers=headers)
        return note

    def text(self, text: str, *, idempotency_key: str | None = None, **fields: Any) -> Json:
        """Send a written note."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        body = {"text": text, **fields}
        note: Json = self.call("POST", "notes/text", json=body, headers=headers)
        return note

    def get(self, note: str) -> Json:
        found: Json = self.call("GET", f"notes/{note}")
        return found

    def wait(self, note: str, until: frozenset[str] | set[str] = DONE, timeout: float = 30) -> Json:
        """The note, once its `processing_status` is one of these."""
        last: Json = {}

        def arrived() -> bool:
            last.update(self.get(note))
            return last["processing_status"] in until

        wait_for(arrived, timeout, lambda: f"not {' or '.join(sorted(until))}: {last}")
        return last

    def list(self, **filters: str | int | bool) -> Json:
        """One page: `results` and `next`."""
        page: Json = self.call("GET", "notes", params=filters)
        return page

    def patch(self, note: str, **changes: Any) -> Json:
        changed: Json = self.call("PATCH", f"notes/{note}", json=changes)
        return changed

    def delete(self, note: str) -> None:
        self.call("DELETE", f"notes/{note}")

    def retry(self, note: str) -> Json:
        again: Json = self.call("POST", f"notes/{note}/retry")
        return again

    def audio(self, note: str, **headers: str) -> bytes:
        """The bytes; from a signed URL the token is not sent along."""
        path = f"/api/v1/notes/{note}/audio"
        self.response = response = self.http.get(path, headers=headers, follow_redirects=True)
        if response.is_error:
            raise Refused(response)
        return response.content

    def boxes(self) -> Any:
        """All boxes of the user."""
        return self.call("GET", "boxes")

    def create_box(self, name: str, **fields: Any) -> Json:
        box: Json = self.call("POST", "boxes", json={"name": name, **fields})
        return box

    def patch_box(self, box: str, **changes: Any) -> Json:
        changed: Json = self.call("PATCH", f"boxes/{box}", json=changes)
        return changed

    def delete_box(self, box: str) -> None:
        self.call("DELETE", f"boxes/{box}")

    def close(self) -> None:
        self.http.close()
