"""Findings about a change (a pull request) for its reviewers; works on texts, not on git or the disk.

`listed` is one changed file · `data` compares two YAML documents key by key · `manifests` reports changes of
services, providers, models' paths, templates, uploads and policy · `files` changes of workflows, review rules and
kinds of files · `outcomes` files under results/ and generated/ that evalctl would have written differently.
"""
