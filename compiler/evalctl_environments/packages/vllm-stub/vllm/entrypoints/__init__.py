"""Empty, as a package must be."""
