"""Compares the loss curve with PyTorch's on the same shards, order, initial weights and settings.

usage: train_curve.py GRISTMILL INPUT... [--articles] [--held-out 0.1] [--vocab 2048] [--dim 128]
                      [--layers 4] [--heads 4] [--context 128] [--batch 16] [--steps 300]
                      [--lr 1e-3] [--seed 17] [--threads 2] [--work FOLDER]

INPUT is an input of `gristmill tokenizer train`. With --articles it is one text file in WikiText's
format, which is cut before lines such as ` = Title = `. The program trains a tokenizer, writes
shards, and pretrains from the random weights of transformers' LlamaForCausalLM. Then that model
repeats the run with torch.optim.AdamW on the batches that python/gristmill_shards reads from the
same shards. Both mask documents, and the validation loss covers all held-out documents. Needs
torch and transformers. Ends with an error if the losses differ by more than 1 % or a batch differs.
"""
import argparse
import json
import math
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "python"))
import gristmill_shards as shards  # noqa: E402

BOUND = 0.01
IGNORED = -100


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("gristmill")
    parser.add_argument("input", nargs="+")
    parser.add_argument("--articles", action="store_true")
    parser.add_argument("--held-out", type=float, default=0.1)
    for name, default in dict(
        vocab=2048, dim=128, layers=4, heads=4, context=128, batch=16, steps=300, seed=17, threads=2
    ).items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--work")
    return parser.parse_args()


def articles(path, target):
    """Writes a JSON line for each article of a file in WikiText's format."""
    text = pathlib.Path(path).read_text()
    parts = re.split(r"(?m)^(?= = [^=\n]+ = \n)", text)
    lines = [json.dumps({"text": part}) for part in parts if part.strip()]
    target.write_text("\n".join(lines) + "\n")
    return [str(target)]


def prepare(options, work):
    """Makes the shards of the input, and a folder with the initial weights."""
    program = [options.gristmill, "--quiet"]
    inputs = options.input
    if options.articles:
        inputs = articles(options.input[0], work / "articles.jsonl")
    tokenizer = str(work / "tokenizer.json")
    command = ["tokenizer", "train", *inputs, "--vocab-size", str(options.vocab)]
    subprocess.run([*program, *command, "--output", tokenizer], check=True)
    held_out = ["--validation-fraction", str(options.held_out)]
    command = ["tokenizer", "encode", *inputs, "--tokenizer", tokenizer, *held_out]
    subprocess.run([*program, *command, "--output", str(work / "shards")], check=True)
    manifest = json.loads((work / "shards" / "shards.json").read_text())
    torch.manual_seed(options.seed)
    config = LlamaConfig(
        vocab_size=manifest["vocab_size"],
        hidden_size=options.dim,
        num_hidden_layers=options.layers,
        num_attention_heads=options.heads,
        num_key_value_heads=options.heads,
        intermediate_size=(options.dim * 8 // 3 + 31) // 32 * 32,
        max_position_embeddings=options.context,
        rms_norm_eps=1e-5,
        tie_word_embeddings=True,
        attn_implementation="sdpa",
    )
    LlamaForCausalLM(config).save_pretrained(work / "initial")


def ours(options, work):
    """Returns the program's last validation loss, and its losses and batch digests by step."""
    command = [
        options.gristmill, "pretrain", str(work / "shards"), "--init", str(work / "initial"),
        "--output", str(work / "run"), "--json", "--quiet", "--eval-batches", "0",
        "--eval-every", "0", "--checkpoint-every", "0", "--threads", str(options.threads),
    ]
    for name in ("steps", "batch", "context", "lr", "seed"):
        command += [f"--{name}", str(getattr(options, name))]
    subprocess.run(command, check=True, stdout=subprocess.PIPE)
    state = next((work / "run" / "checkpoints").glob("*/state.json"))
    curve = json.loads(state.read_text())["curve"]
    return curve["validations"][-1]["nats_per_token"], curve["steps"]


def mask_of(ends, length):
    """Returns the attention mask of one row, [1, length, length]: causal, within each document."""
    document = np.searchsorted(np.asarray(ends), np.arange(length), side="right")
    mask = (document[:, None] == document[None, :]) & np.tri(length, dtype=bool)
    return torch.from_numpy(mask)[None]


def loss_of(model, inputs, labels, positions, mask, reduction):
    logits = model(
        torch.from_numpy(inputs), attention_mask=mask, position_ids=torch.from_numpy(positions)
    ).logits
    return torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), torch.from_numpy(labels).flatten(), ignore_index=IGNORED,
        reduction=reduction,
    )


def rate(options, step):
    """Returns the learning rate: linear warm-up over a tenth of the steps, then a cosine decay to
    a tenth of the rate."""
    warmup = options.steps // 10
    if step < warmup:
        return options.lr * (step + 1) / warmup
    progress = (step - warmup) / max(options.steps - 1 - warmup, 1)
    return options.lr * (0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * progress)))


def train(options, model, run):
    """Trains with PyTorch; returns its losses and the digests of its batches, by step."""
    decays = [p for n, p in model.named_parameters() if p.dim() >= 2 and "embed_tokens" not in n]
    others = [p for n, p in model.named_parameters() if p.dim() < 2 or "embed_tokens" in n]
    groups = [{"params": decays, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1.0, betas=(0.9, 0.95), eps=1e-8)
    losses, digests = [], []
    for step in range(options.steps):
        batch = run.batch(step)
        masks = [mask_of(ends, options.context) for ends in batch.document_ends]
        given = (batch.inputs(), batch.labels(), batch.positions(), torch.stack(masks))
        loss = loss_of(model, *given, "mean")
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for group in optimizer.param_groups:
            group["lr"] = rate(options, step)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(loss.item())
        digests.append(f"{batch.digest():016x}")
    return losses, digests


def evaluate(options, model, dataset):
    """Returns nats per token over the held-out stream, in rows, with documents masked."""
    lengths = [dataset.document_tokens(shard) for shard in range(len(dataset.shards))]
    tokens = np.concatenate(
        [dataset.tokens(shard, 0, int(length.sum())) for shard, length in enumerate(lengths)]
    ).astype(np.int64)
    starts = np.concatenate([[0], np.cumsum(np.concatenate(lengths))])
    nats, count = 0.0, 0
    for first in range(0, len(tokens) - options.context, options.context):
        row = tokens[first : first + options.context + 1]
        inner = starts[(starts > first) & (starts < first + len(row))] - first
        labels = row[1:].copy()
        labels[inner - 1] = IGNORED
        begins = np.concatenate([[0], inner[inner < options.context]])
        parts = np.diff([*begins, options.context])
        positions = np.arange(options.context) - np.repeat(begins, parts)
        mask = mask_of(begins[1:], options.context)[None]
        given = (row[None, :-1], labels[None], positions[None], mask)
        with torch.no_grad():
            nats += loss_of(model, *given, "sum").item()
        count += int((labels != IGNORED).sum())
    return nats / count, count


def main():
    options = arguments()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as temporary:
        work = pathlib.Path(options.work or temporary)
        work.mkdir(parents=True, exist_ok=True)
        prepare(options, work)
        start = time.perf_counter()
        our_loss, steps = ours(options, work)
        seconds = [time.perf_counter() - start]
        model = LlamaForCausalLM.from_pretrained(
            work / "initial", dtype=torch.float32, attn_implementation="sdpa"
        ).train()
        plan = next((work / "run").glob("*.plan"))
        run = shards.Run.open(
            work / "shards", plan, seed=options.seed, batch_rows=options.batch, check=False
        )
        start = time.perf_counter()
        losses, digests = train(options, model, run)
        seconds.append(time.perf_counter() - start)
        dataset = shards.Dataset(work / "shards", "validation", check=False)
        loss, count = evaluate(options, model.eval(), dataset)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    same = sum(step["batch_digest"] == digest for step, digest in zip(steps, digests))
    training = max(abs(step["loss"] - theirs) / theirs for step, theirs in zip(steps, losses))
    difference = (our_loss - loss) / loss
    print(
        f"{parameters:,} parameters, {options.steps} steps of {options.batch} x {options.context} "
        f"tokens; training loss {losses[0]:.4f} -> {losses[-1]:.4f}, "
        f"largest difference in a step {100 * training:.3f} %; "
        f"{same} of {options.steps} batches have the same digest"
    )
    print(
        f"validation over {count:,} tokens: gristmill {our_loss:.4f}, "
        f"PyTorch {loss:.4f} nats/token "
        f"({100 * difference:+.3f} %); {seconds[0]:.0f} s and {seconds[1]:.0f} s"
    )
    sys.exit(0 if abs(difference) <= BOUND and same == options.steps else 1)


if __name__ == "__main__":
    main()
