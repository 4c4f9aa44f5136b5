"""The workflows, and the scripts that they alone run."""
