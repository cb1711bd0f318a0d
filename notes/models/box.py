"""A box (*caixinha*): where its owner wants certain notes to go."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models, transaction

from notes.classifiers import BoxCard
from notes.compiled import Loaded


class BoxQuerySet(models.QuerySet["Box"]):
    """Boxes, always asked for by their owner."""

    def for_user(self, user_id: int) -> BoxQuerySet:
        """The boxes that ``user_id`` owns."""
        return self.filter(owner_id=user_id)


class Box(models.Model):
    """A name, what belongs in it in the owner's words, and keywords that point to it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="boxes"
    )
    name = models.CharField(max_length=80)
    description = models.CharField(max_length=500, blank=True)
    keywords = models.JSONField(default=list, blank=True)
    color = models.CharField(max_length=7, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = BoxQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "boxes"
        constraints = [
            models.UniqueConstraint(fields=["owner", "name"], name="box_name_once_per_owner")
        ]
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def cards_of(cls, owner_id: int) -> list[BoxCard]:
        """The cards of all boxes of ``owner_id``, by name."""
        return [box.card() for box in _boxes_of(owner_id)]

    def card(self) -> BoxCard:
        """What a classifier may know of this box."""
        return BoxCard(self.id, self.name, self.description, tuple(self.keywords))

    def delete_and_free_notes(self) -> None:
        """Delete the box; its notes move to the Inbox, where automation leaves them."""
        with transaction.atomic():
            # Whoever files into the box at this moment comes before us, or finds it gone.
            Box.objects.select_for_update().filter(pk=self.pk).first()
            self.notes.update(
                box=None, filed_by="user", filing_confidence=None, filing_reason="box_deleted"
            )
            self.delete()


_boxes_of = Loaded(lambda owner_id: Box.objects.for_user(owner_id))
