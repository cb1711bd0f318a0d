"""Takes over boxes, notes and audio of the Celery system. docs/migrating-from-celery.md tells how."""
