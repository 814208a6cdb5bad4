"""The attacks of the papers, and the measures of what they do."""
