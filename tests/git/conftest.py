"""The clones of tests/sync, of which these tests use git alone. No `__init__` is here: `import git` is gitpython's."""

from sync.conftest import _own_git, clone, new_clone, remote, world

__all__ = ["_own_git", "clone", "new_clone", "remote", "world"]
