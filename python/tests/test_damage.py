"""Reading damaged data is an error, and no damaged data is returned."""

import shutil
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import numpy as np

import gristmill_shards as shards
from gristmill_shards import dataset as dataset_module
from gristmill_shards.blake3 import blake3_numpy

from .golden import DATA, open_run


class Damage(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.folder = Path(place.name) / "data"
        shutil.copytree(DATA / "narrow", self.folder)
        self.plan = self.folder / "best-fit-128.plan"

    def flip(self, name, at):
        data = bytearray((self.folder / name).read_bytes())
        data[at] ^= 1
        (self.folder / name).write_bytes(data)

    def test_a_damaged_shard_is_refused_by_the_rows_that_use_it(self):
        self.flip("train-00002.bin", 100)
        for blake3 in (blake3_numpy, dataset_module.blake3):
            with mock.patch.object(dataset_module, "blake3", blake3):
                run, refused = shards.Run.open(self.folder, self.plan), 0
                for row in range(run.plan.n_rows):
                    if 2 in run.plan.row(row)[:, 0]:
                        with self.assertRaisesRegex(shards.DamagedError, "train-00002.bin"):
                            run.read([row])
                        refused += 1
                    else:
                        run.read([row])
                self.assertGreater(refused, 0)

    def test_a_damaged_index_is_refused(self):
        self.flip("train-00001.idx", 40)
        dataset = shards.Dataset(self.folder)
        self.assertEqual(len(dataset.document_tokens(0)), 60)
        with self.assertRaisesRegex(shards.DamagedError, "train-00001.idx"):
            dataset.document_tokens(1)

    def test_a_cut_shard_is_refused(self):
        path = self.folder / "train-00000.bin"
        path.write_bytes(path.read_bytes()[:-2])
        run = shards.Run.open(self.folder, self.plan)
        row = next(r for r in range(run.plan.n_rows) if 0 in run.plan.row(r)[:, 0])
        with self.assertRaisesRegex(shards.ShardError, "were written"):
            run.read([row])

    def test_a_damaged_plan_is_refused(self):
        whole = self.plan.read_bytes()
        digest = shards.Plan(self.plan).digest
        for at in [*range(0, len(whole), 97), len(whole) - 1]:
            damaged = bytearray(whole)
            damaged[at] ^= 0x20
            self.plan.write_bytes(damaged)
            try:
                plan = shards.Plan(self.plan)
                for row in range(plan.n_rows):
                    plan.row(row)
                self.assertNotEqual(plan.digest, digest, at)
            except (shards.ShardError, KeyError, UnicodeDecodeError):
                pass

    def test_a_plan_of_another_dataset_is_refused(self):
        with self.assertRaises(shards.IdentityError):
            shards.Run.open(DATA / "wide", self.plan)

    def test_views_are_read_only(self):
        tokens = open_run().dataset.tokens(0, 0, 4)
        with self.assertRaises(ValueError):
            tokens[0] = np.uint16(1)
