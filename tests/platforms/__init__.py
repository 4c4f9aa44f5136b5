"""The case table where users run the program: on every supported Python, and built on the next Debian."""
