"""Two synthetic problem families with exact per-step truth.

`chains` are arithmetic word problems, `deduction` are chains of plain-English rules. Both are
generated from a seed alone, and both have an oracle that judges every step of a solution from the
text of the problem and nothing else. Product code does not import this package.
"""
