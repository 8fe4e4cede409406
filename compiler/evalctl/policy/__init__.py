"""What requests may cost and do, and what was spent: from values of the model alone; asks no scheduler and reads no file.

`spent` makes the costs of attempts and sums them by month, person, model, service or task.
"""
