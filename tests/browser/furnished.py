"""A person who has lived with it for a while: boxes, and notes in every state."""

from __future__ import annotations

from dataclasses import dataclass

from tests.browser.site import Person, Site
from tests.conftest import SAMPLE
from tests.marks import marked

WORDS = "Ligar para o encanador amanhã cedo, a pia da cozinha está vazando de novo."
LATER = "Reunião com o cliente na quinta às três; levar a proposta revisada."


@dataclass(frozen=True)
class Home:
    """Whose it is, and the ids that pages need."""

    person: Person
    box: str
    spoken: str
    edited: str
    failed: str

    def pages(self) -> dict[str, str]:
        """Every page of a person who is signed in, by a name for it."""
        return {
            "home": "/",
            "search": "/?q=encanador",
            "nothing": "/?q=jabuticaba",
            "note": f"/notes/{self.spoken}",
            "note-edited": f"/notes/{self.edited}",
            "note-failed": f"/notes/{self.failed}",
            "note-delete": f"/notes/{self.spoken}/delete",
            "boxes": "/boxes",
            "box": f"/boxes/{self.box}",
            "box-delete": f"/boxes/{self.box}/delete",
            "settings": "/settings",
            "password": "/settings/password",
            "delete-account": "/settings/delete",
        }


#: Every page for those who are not signed in.
OUTSIDE = {
    "login": "/login",
    "join-over": "/join/nothing",
    "password-new": "/password/new/MQ/nothing-nothing",
    "offline": "/offline",
    "not-found": "/nowhere",
}


def furnish(site: Site) -> Home:
    """Somebody with three boxes and five notes."""
    person = site.person()
    bau = person.client
    box = bau.create_box(
        "Casa", keywords=["encanador", "pia"], description="Consertos e contas", color="#c2410c"
    )["id"]
    bau.create_box("Trabalho", keywords=["reunião", "cliente"], color="#1d4ed8")
    bau.create_box("Saúde", keywords=["dentista", "exame"])
    site.provider.default_text = WORDS
    spoken = bau.upload(SAMPLE.read_bytes())["id"]
    bau.wait(spoken, timeout=90)
    site.provider.fail("transcriptions", status=400, code="invalid_request_error")
    failed = bau.upload(marked("0123456789ab")[0])["id"]
    bau.wait(failed, timeout=90)
    edited = bau.text("Reuniao com o cliente na quinta as tres.")["id"]
    bau.wait(edited, timeout=90)
    bau.patch(edited, transcript=LATER)
    for text in (
        "Marcar o dentista para o exame de sexta.",
        "Uma ideia sem lugar.",
    ):
        bau.wait(bau.text(text)["id"], timeout=90)
    return Home(person, box, spoken, edited, failed)
