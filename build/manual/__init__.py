"""The man page and the completions of bash, zsh and fish, from the tables of flags and exit codes.

`python -m build.manual OUTDIR` writes them. Nothing here is in the executable.
"""
