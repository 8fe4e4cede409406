"""Programs of an evalctl job that run in the framework's own environment.

`python -m evalctl_job.run` runs a job on its node (`supervisor`): every script becomes it.
`python -m evalctl_job.relay` stands between the framework and the model for all tasks of a job: it attributes each
request to its task by URL, adds what the framework would drop, keeps every answer and asks none twice, waits for the
server and retries what is transient, lets through what the server bears and counts what really happened.
`python -m evalctl_job.accept` judges one task after its framework process has ended: `done` with scores only when every
answer was really given.
`python -m evalctl_job.stall` notices beside each task a framework that no longer asks although questions are left.
`python -m evalctl_job.probe` finds what a provider accepts; no job runs it, `evalctl probe` does, since litellm is here.
`python -m evalctl_job.download` brings a model's files into the Hub's cache before the job that serves it;
`python -m evalctl_job.upload` shares results and details there.
"""

__version__ = "0.1.0"
