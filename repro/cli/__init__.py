"""The command line: every command of ``repro``, and what each prints."""
