"""The documents' commands, run as they stand there.

Strategy: `reading` collects every block and every command of every document; `known` says which test runs each, and
`test_known` fails for one that no test runs. A command is run by the file that `known` names, with what its
surroundings have to be on this machine: the stand-in server in TensorFlow Serving's place, a server on loopback in
GitHub's.
"""
