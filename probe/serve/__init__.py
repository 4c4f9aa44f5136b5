"""-serve: asks all the time, and answers over HTTP from the last answer.

One thread runs the rounds and publishes what each found by one assignment; the main thread answers requests from it.
"""
