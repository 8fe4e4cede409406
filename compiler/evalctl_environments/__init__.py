"""What the job environments are made of: locks, lists of tasks and files, local packages. Data of evalctl; README.md describes each."""
