"""What requests may cost and do, and what was spent: from values of the model alone; asks no scheduler and reads no file.

`spent` makes the costs of attempts and sums them by month, person, model, service or task · `budgets` says whether a budget holds what
is asked for · `approvals` what a change needs by the policy of its base.
"""
