"""The way in: one module a step, each callable without Celery."""
