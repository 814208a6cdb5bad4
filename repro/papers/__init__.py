"""The papers, a folder each: what it claims, and how that is measured."""
