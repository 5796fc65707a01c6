"""Compares ten steps of training with PyTorch's, and loads the export with transformers.

usage: train_parity.py REFERENCE_RUN [FOLDER]

REFERENCE_RUN is the built example `reference_run` of the crate model. It makes a run of ten steps
for the layouts of Llama and Qwen3. Here transformers' own model repeats each run from the same
weights with torch.optim.AdamW on the same batches. Then it loads the final weights from the export,
and from the GGUF file too if the packages gguf and accelerate are installed. (transformers does not
read the width of a head from Qwen3's GGUF file, so it gets the exported config.json.) Needs torch
and transformers. Ends with an error if a difference is too large.
"""
import importlib.util
import json
import math
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForCausalLM

STEPS = 10
LOSS_BOUND = LOGIT_BOUND = 1e-4


def repeat(folder, run):
    """Repeats the steps with PyTorch; returns the losses and gradient norms."""
    model = AutoModelForCausalLM.from_pretrained(folder / "initial", dtype=torch.float32)
    model.train()
    decays = [p for n, p in model.named_parameters() if p.dim() >= 2 and "embed_tokens" not in n]
    others = [p for n, p in model.named_parameters() if p.dim() < 2 or "embed_tokens" in n]
    groups = [{"params": decays, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1.0, betas=(0.9, 0.95), eps=1e-8)
    batches = np.fromfile(folder / "batches.u32", dtype=np.uint32).astype(np.int64)
    batches = batches.reshape(-1, run["batch_size"], run["row"])
    losses, norms = [], []
    for batch, rate in zip(batches, run["learning_rates"]):
        ids = torch.from_numpy(batch)
        logits = model(ids[:, :-1]).logits
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0).item())
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(loss.item())
    return losses, norms


def compare(binary, folder, kind):
    subprocess.run([binary, str(folder), kind, str(STEPS)], check=True)
    run = json.loads((folder / "run.json").read_text())
    losses, norms = repeat(folder, run)
    loss_difference = max(abs(a - b) for a, b in zip(losses, run["losses"]))
    norm_difference = max(abs(a - b) / b for a, b in zip(run["gradient_norms"], norms))
    model = AutoModelForCausalLM.from_pretrained(folder / "final", dtype=torch.float32).eval()
    prompt = torch.tensor([run["prompt"]])
    ours = np.fromfile(folder / "logits.f32", dtype=np.float32)
    with torch.no_grad():
        theirs = model(prompt).logits.flatten().numpy()
        greedy = model.generate(prompt, max_new_tokens=len(run["greedy"]), do_sample=False)
    greedy = greedy[0, prompt.size(1) :].tolist()
    logit_difference = float(np.abs(ours - theirs).max())
    print(
        f"{kind}: {type(model).__name__}, loss {losses[0]:.4f} -> {losses[-1]:.4f}; "
        f"largest difference of {STEPS} losses {loss_difference:.2e}, "
        f"of gradient norms {norm_difference:.2e} (relative), "
        f"of logits {logit_difference:.2e}; greedy text of {len(greedy)} tokens "
        f"{'equal' if greedy == run['greedy'] else 'DIFFERENT'}"
    )
    if all(map(importlib.util.find_spec, ("gguf", "accelerate"))):
        config = AutoConfig.from_pretrained(folder / "final") if kind == "qwen3" else None
        model = AutoModelForCausalLM.from_pretrained(
            folder, gguf_file="model.gguf", config=config, dtype=torch.float32
        ).eval()
        with torch.no_grad():
            theirs = model(prompt).logits.flatten().numpy()
        gguf_difference = float(np.abs(ours - theirs).max())
        print(f"{kind}: GGUF by transformers, largest difference of logits {gguf_difference:.2e}")
        logit_difference = max(logit_difference, gguf_difference)
    finite = all(map(math.isfinite, losses))
    good = loss_difference <= LOSS_BOUND and logit_difference <= LOGIT_BOUND
    return finite and good and greedy == run["greedy"]


def main():
    binary = sys.argv[1]
    with tempfile.TemporaryDirectory() as temporary:
        root = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else temporary)
        results = [compare(binary, root / kind, kind) for kind in ("llama", "qwen3")]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
