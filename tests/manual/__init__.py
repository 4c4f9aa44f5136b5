"""The man page and the completions, by the tools that show them: man, mandoc, bash, zsh and fish."""
