"""The process tree of one server: private engines, web, worker and scheduler."""
