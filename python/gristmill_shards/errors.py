"""The errors of this package. Nothing is skipped: damaged or unsuitable data is always an error."""


class ShardError(Exception):
    """A dataset, plan or order that cannot be used. The message names the file and a solution."""


class IdentityError(ShardError):
    """A state or a plan of another dataset, plan, seed or run."""

    def __init__(self, what, expected, found):
        super().__init__(f"the {what} is {found}, but {expected} was expected; nothing was read")
        self.what, self.expected, self.found = what, expected, found


class DamagedError(ShardError):
    """A file whose content differs from what was written."""

    def __init__(self, path, start, end):
        super().__init__(
            f"{path}: bytes {start} to {end} differ from what was written, and were not used; "
            "`gristmill shards verify` lists all damage"
        )
        self.path, self.start, self.end = path, start, end
