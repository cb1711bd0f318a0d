"""Workspaces, boxes and notes in the tables of the Celery system."""

import uuid

from django.conf import settings
from django.db import models


class Workspace(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    slug = models.SlugField(unique=True)

    class Meta:
        db_table = "accounts_workspace"


class Box(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    workspace = models.ForeignKey(Workspace, models.CASCADE)
    name = models.CharField(max_length=255)
    description = models.TextField(null=True)  # noqa: DJ001
    keywords = models.CharField(max_length=500, null=True)  # noqa: DJ001
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "bau_mental_box"


class Note(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    workspace = models.ForeignKey(Workspace, models.CASCADE)
    box = models.ForeignKey(Box, models.SET_NULL, null=True)
    audio_file = models.FileField(upload_to="bau_mental/audios/")
    transcript = models.TextField(null=True)  # noqa: DJ001
    source_type = models.CharField(max_length=20, default="memo")
    processing_status = models.CharField(max_length=20, default="pending", db_index=True)
    ai_confidence = models.FloatField(null=True)
    file_size_bytes = models.IntegerField(null=True)
    metadata = models.JSONField(default=dict)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "bau_mental_note"
