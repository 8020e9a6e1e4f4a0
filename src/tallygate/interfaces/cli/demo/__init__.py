"""The demo: real usage becomes explained invoices, for five example platforms.

`machine` meters this machine, `sources` reads the platforms' own log formats, `story` lives
through dated stories, `show` prints. `run` puts them together.
"""
