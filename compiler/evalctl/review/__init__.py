"""What may be concluded from results: how sure a score is, whether two differ, and what a request will be able to show.

`values` has a metric's value of each question, and pairs those of two models · `spread` says how far a mean may be from the truth ·
`proportion` has the intervals of shares · `score` is one score with its interval · `difference` is one of two models, tested and with its
interval · `average` takes the mean over entries · `verdicts` gives differences their verdicts · `gate` decides whether a difference stays within
a margin · `power` says what a number of questions can show · `methods` has the names of all of it that outputs print.
docs/statistics.md has the formulas and their sources. SciPy is imported here and nowhere else.
"""
