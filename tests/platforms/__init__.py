"""The program where users run it: on every supported Python, built on the next Debian, and on other platforms."""
