"""What can go wrong. Nothing is ever skipped: what cannot be read as it was written is an error."""


class ShardError(Exception):
    """A dataset, plan or order that cannot be used, with the file and the way out."""


class IdentityError(ShardError):
    """A state or a plan that belongs to something else."""

    def __init__(self, what, expected, found):
        super().__init__(f"the {what} is {found}, but {expected} was expected; nothing was read")
        self.what, self.expected, self.found = what, expected, found


class DamagedError(ShardError):
    """A file whose content is not what was written."""

    def __init__(self, path, start, end):
        super().__init__(
            f"{path}: bytes {start} to {end} are not what was written; "
            "`gristmill shards verify` tells more, and nothing of them was used"
        )
        self.path, self.start, self.end = path, start, end
