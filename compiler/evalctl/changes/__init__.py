"""What a change (a pull request) does to a repository, in words; files as plain data, no git and no disk.

`listed` is one changed file · `data` compares two YAML documents key by key · `manifests` says what changes in
services, providers, models' paths, templates, uploads and policy · `files` what changes in workflows, review rules and
kinds of files · `outcomes` which files under results/ and generated/ evalctl would not have written so.
"""
