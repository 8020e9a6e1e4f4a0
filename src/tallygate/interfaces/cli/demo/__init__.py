"""The demo: real usage becomes explained invoices, for five example platforms.

`machine` meters this machine, `sources` reads the platforms' own log formats, `story` lives
through dated stories (`verbs`, `planning`; at a local Stripe `till`, `shoppers` and `looks`),
`show` prints, `year` tells a year at a local Stripe. `run` puts them together.
"""
