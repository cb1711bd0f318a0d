"""Its three kinds of address."""

from django.urls import include, path
from rest_framework.routers import DefaultRouter

from twin.api import Notes, health

router = DefaultRouter()
router.register("notes", Notes, basename="note")
urlpatterns = [path("api/v1/", include(router.urls)), path("health/", health)]
