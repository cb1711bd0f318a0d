"""Transcription, then filing: early acknowledgement, no retry, no lease, a client for each task."""

import json
import os

from celery import Celery, shared_task
from openai import OpenAI

from twin.models import Box, Note

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "twin.settings")
app = Celery("twin")
app.config_from_object("django.conf:settings", namespace="CELERY")

ASKED = """Boxes:
{boxes}

Note: {note}

Answer with JSON: {{"box_id": uuid or null, "confidence": 0.0 to 1.0}}"""


@shared_task
def transcribe_audio(note_id):
    note = Note.objects.get(id=note_id)
    note.processing_status = "processing"
    note.save()
    try:
        names = ", ".join(_boxes(note).values_list("name", flat=True))
        with note.audio_file.open("rb") as file:
            heard = OpenAI().audio.transcriptions.create(
                model="whisper-1",
                file=(os.path.basename(note.audio_file.name), file.read()),
                language="pt",
                prompt=f"Caixinhas disponíveis: {names}",
            )
        if not heard.text:
            raise ValueError("empty transcript")
        note.transcript, note.processing_status = heard.text, "completed"
        note.save()
        classify_note.delay(note_id)
    except Exception as error:  # every one alike, as there
        note.processing_status, note.metadata = "failed", {"error": str(error)}
        note.save()


@shared_task
def classify_note(note_id):
    note = Note.objects.get(id=note_id)
    boxes = list(_boxes(note))
    box, confidence = _by_habit(note) or _by_words(note, boxes) or _by_model(note, boxes)
    note.box, note.ai_confidence = box if confidence >= 0.5 else None, confidence
    note.save()


def _boxes(note):
    return Box.objects.filter(workspace=note.workspace_id, deleted_at=None)


def _by_habit(note):
    others = Note.objects.filter(workspace=note.workspace_id, deleted_at=None).exclude(id=note.id)
    last = list(others.select_related("box").order_by("-created_at")[:3])
    if len(last) == 3 and last[0].box and len({other.box_id for other in last}) == 1:
        return last[0].box, 0.7
    return None


def _by_words(note, boxes):
    said = note.transcript.lower()
    for box in boxes:
        if box.name.lower() in said:
            return box, 0.95
    for box in boxes:
        if any(word.strip().lower() in said for word in (box.keywords or "").split(",") if word):
            return box, 0.8
    return None


def _by_model(note, boxes):
    listed = "\n".join(f"- {box.id} {box.name}: {box.description or ''}" for box in boxes)
    answer = OpenAI().chat.completions.create(
        model="gpt-4o-mini",
        messages=[{"role": "user", "content": ASKED.format(boxes=listed, note=note.transcript)}],
        temperature=0.3,
        max_tokens=500,
        response_format={"type": "json_object"},
    )
    chosen = json.loads(answer.choices[0].message.content)
    known = {str(box.id): box for box in boxes}
    return known.get(chosen.get("box_id")), float(chosen.get("confidence") or 0)
