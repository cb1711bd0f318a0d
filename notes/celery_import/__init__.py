"""Takes over what the Celery system has. docs/migrating-from-celery.md tells how."""
