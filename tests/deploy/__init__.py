"""The examples in deploy/: valid by the schemas of those who will read them, and right by what the probe answers."""
