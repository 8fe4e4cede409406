"""What a provider accepts (`evalctl probe`): which model is asked about, with which values, and what follows from it.

`target` says what to ask, from a request or from words · `program` runs evalctl_job.probe in a framework's environment,
where litellm is, and hears it out · `proposals` turns what was found into lines for the manifests. Keys pass through
`program` alone, by the environment.
"""
