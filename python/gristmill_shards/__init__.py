"""Reads the token shards of gristmill, in the same order as gristmill's own trainer."""

from .dataset import Dataset
from .errors import DamagedError, IdentityError, ShardError
from .mixture import Mixture, weights_from_fractions
from .order import Order, Stage, permutation_key, rows_for_tokens
from .permutation import Permutation
from .plan import Plan
from .run import Batch, Run
from .xxh3 import xxh3_64

__all__ = [
    "Batch",
    "DamagedError",
    "Dataset",
    "IdentityError",
    "Mixture",
    "Order",
    "Permutation",
    "Plan",
    "Run",
    "ShardError",
    "Stage",
    "permutation_key",
    "rows_for_tokens",
    "weights_from_fractions",
    "xxh3_64",
]
