"""The pytest plugin: options, fixtures, and the report of a run of claims."""
