"""The catalogue that ships: manifests/."""
