"""Upload, list and search by Django REST framework."""

from django.http import HttpResponse
from redis.exceptions import RedisError
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.response import Response
from rest_framework.throttling import UserRateThrottle

from twin.models import Box, Note, Workspace
from twin.tasks import transcribe_audio


class WorkspaceMiddleware:
    """The tenant is what the client writes in X-Workspace-ID."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        slug = request.headers.get("X-Workspace-ID")
        request.workspace = Workspace.objects.filter(slug=slug).first() if slug else None
        return self.get_response(request)


class BoxSerializer(serializers.ModelSerializer):
    class Meta:
        model = Box
        fields = ("id", "name")


class NoteSerializer(serializers.ModelSerializer):
    box = BoxSerializer(read_only=True)

    class Meta:
        model = Note
        exclude = ("workspace", "deleted_at")


class UploadThrottle(UserRateThrottle):
    scope = "upload"

    def allow_request(self, request, view):
        """Open when Redis is down: its cache was set to ignore exceptions."""
        try:
            return super().allow_request(request, view)
        except RedisError:
            return True


class UploadSerializer(serializers.Serializer):
    audio_file = serializers.FileField()
    box_id = serializers.UUIDField(required=False)

    def validate_audio_file(self, file):
        """By its size and ending, as there."""
        if not 1 << 10 <= file.size <= 50 << 20:
            raise serializers.ValidationError("size")
        if not file.name.endswith((".webm", ".ogg", ".opus", ".mp3", ".m4a", ".wav")):
            raise serializers.ValidationError("format")
        return file


class Notes(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    serializer_class = NoteSerializer
    parser_classes = (MultiPartParser, JSONParser)

    def get_queryset(self):
        notes = Note.objects.filter(workspace=self.request.workspace, deleted_at=None)
        if words := self.request.query_params.get("search"):
            notes = notes.filter(transcript__icontains=words)
        return notes.select_related("box").order_by("-created_at")

    @action(detail=False, methods=["post"], throttle_classes=[UploadThrottle])
    def upload(self, request):
        given = UploadSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        file = given.validated_data["audio_file"]
        box_id = given.validated_data.get("box_id")
        note = Note.objects.create(
            workspace=request.workspace,
            audio_file=file,
            file_size_bytes=file.size,
            created_by=request.user,
            box=Box.objects.filter(workspace=request.workspace, id=box_id).first()
            if box_id
            else None,
        )
        transcribe_audio.delay(str(note.id))
        return Response(NoteSerializer(note).data, status=status.HTTP_201_CREATED)


def health(request):
    """Says that web is alive, whatever else is not."""
    return HttpResponse("ok")
