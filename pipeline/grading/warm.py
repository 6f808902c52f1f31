"""Importing this module makes Math-Verify ready: for the `preload` of a pool, and nothing else.

The first parse builds the grammar's tables, which takes a second or more on a busy machine. Done
here, it is over before the clock of the first check runs, and shared by every worker forked later.
"""

from pipeline.grading.mathverify import check

check("2\\sqrt{2}", "\\sqrt{8}")
