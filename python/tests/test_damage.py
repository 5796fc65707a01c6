"""Damage is an error of the read that meets it, and nothing damaged is handed out."""

import shutil

import numpy as np
import pytest

import gristmill_shards as shards
from gristmill_shards import dataset as dataset_module
from gristmill_shards.blake3 import blake3_numpy


@pytest.fixture
def copy(run, tmp_path):
    folder = tmp_path / "data"
    shutil.copytree(run.dataset.folder, folder)
    return folder


@pytest.mark.parametrize("in_numpy", [True, False])
def test_a_damaged_shard_is_refused_by_the_rows_that_use_it(copy, in_numpy, monkeypatch):
    if in_numpy:
        monkeypatch.setattr(dataset_module, "blake3", blake3_numpy)
    path = copy / "train-00002.bin"
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    run = shards.Run.open(copy, copy / "best-fit-128.plan")
    refused = 0
    for row in range(run.plan.n_rows):
        if 2 in run.plan.row(row)[:, 0]:
            with pytest.raises(shards.DamagedError, match="train-00002.bin"):
                run.read([row])
            refused += 1
        else:
            run.read([row])
    assert refused


def test_a_damaged_index_is_refused(copy):
    path = copy / "train-00001.idx"
    data = bytearray(path.read_bytes())
    data[40] ^= 1
    path.write_bytes(data)
    dataset = shards.Dataset(copy)
    assert len(dataset.document_tokens(0)) == 60
    with pytest.raises(shards.DamagedError, match="train-00001.idx"):
        dataset.document_tokens(1)


def test_a_cut_shard_is_refused(copy):
    path = copy / "train-00000.bin"
    path.write_bytes(path.read_bytes()[:-2])
    run = shards.Run.open(copy, copy / "best-fit-128.plan")
    row = next(r for r in range(run.plan.n_rows) if 0 in run.plan.row(r)[:, 0])
    with pytest.raises(shards.ShardError, match="were written"):
        run.read([row])


def test_a_damaged_plan_is_refused(copy):
    path = copy / "best-fit-128.plan"
    whole = path.read_bytes()
    digest = shards.Plan(path).digest
    for at in [*range(0, len(whole), 97), len(whole) - 1]:
        damaged = bytearray(whole)
        damaged[at] ^= 0x20
        path.write_bytes(damaged)
        try:
            plan = shards.Plan(path)
            for row in range(plan.n_rows):
                plan.row(row)
            assert plan.digest != digest, at
        except (shards.ShardError, KeyError, UnicodeDecodeError):
            pass


def test_a_plan_of_another_dataset_is_refused(run):
    with pytest.raises(shards.IdentityError):
        shards.Run.open(run.dataset.folder.parent / "wide", run.plan.path)


def test_views_are_read_only(run):
    tokens = run.dataset.tokens(0, 0, 4)
    with pytest.raises(ValueError):
        tokens[0] = np.uint16(1)
