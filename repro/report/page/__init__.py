"""The HTML page of a report, with its figures."""
