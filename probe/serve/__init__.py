"""-serve: asks the server periodically, and answers over HTTP from the last result.

One thread runs the rounds and publishes what each found by one assignment; the main thread answers requests from it.
"""
