"""The papers, one folder each, where experiments and claims meet."""
