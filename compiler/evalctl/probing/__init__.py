"""What a provider accepts (`evalctl probe`): the model, the values to try, and what follows from the replies.

`target` determines what to ask, from a request or from options · `program` runs evalctl_job.probe in a framework's environment,
which contains litellm, and reads its report · `proposals` turns the report into lines for the manifests. Only
`program` handles keys, as environment variables.
"""
