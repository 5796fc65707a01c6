"""Compares the speed of generation with transformers': time to the first token, tokens per second.

usage: generate_speed.py GENERATE_SPEED MODEL_DIR [--prompt 512] [--tokens 128] [--rounds 3]
                         [--threads 2]

GENERATE_SPEED is the built example `generate_speed` of the crate model. MODEL_DIR is a folder in
Hugging Face's layout, such as `gristmill export MODEL --as hf` writes, or a name such as 25m, for
which random weights are drawn. Both generate greedily, in f32, with batch 1 and with their own
key-value cache, and run alternately. Prints medians. Ends with an error if the new tokens differ.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

# A waiting thread must not spin: it would take the processor from the other program's threads.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch  # noqa: E402
from transformers import LlamaConfig, LlamaForCausalLM  # noqa: E402

SHAPES = {
    "5m": dict(
        vocab_size=4096, hidden_size=256, num_hidden_layers=4, num_attention_heads=4,
        intermediate_size=704,
    ),
    "25m": dict(
        vocab_size=4096, hidden_size=512, num_hidden_layers=6, num_attention_heads=8,
        intermediate_size=1536,
    ),
    "124m": dict(
        vocab_size=50304, hidden_size=768, num_hidden_layers=12, num_attention_heads=12,
        intermediate_size=2048,
    ),
}


def theirs(model, prompt, tokens):
    """Returns seconds to the first token, tokens per second after it, and the new ids."""
    ids = torch.tensor([prompt])
    found = []
    with torch.inference_mode():
        start = time.perf_counter()
        output = model(ids, use_cache=True, logits_to_keep=1)
        found.append(int(output.logits[0, -1].argmax()))
        first = time.perf_counter() - start
        while len(found) < tokens:
            last, cache = torch.tensor([found[-1:]]), output.past_key_values
            output = model(last, past_key_values=cache, use_cache=True)
            found.append(int(output.logits[0, -1].argmax()))
        rest = time.perf_counter() - start - first
    return first, (tokens - 1) / rest, found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("model")
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.model
        if folder in SHAPES:
            torch.manual_seed(1)
            config = LlamaConfig(
                **SHAPES[folder], max_position_embeddings=1024, initializer_range=0.1
            )
            folder = str(pathlib.Path(temporary))
            LlamaForCausalLM(config).save_pretrained(folder)
        model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        environment = {**os.environ, "RAYON_NUM_THREADS": str(options.threads)}
        command = [options.binary, folder, str(options.prompt), str(options.tokens), "1"]
        rows = {"gristmill": [], "transformers": []}
        same = True
        for _ in range(options.rounds):
            output = subprocess.run(
                command, env=environment, check=True, capture_output=True, text=True
            )
            ours = json.loads(output.stdout.splitlines()[-1])
            rows["gristmill"].append((ours["seconds_to_first_token"], ours["tokens_per_second"]))
            first, speed, ids = theirs(model, ours["prompt"], options.tokens)
            rows["transformers"].append((first, speed))
            same &= ids == ours["ids"]
        parameters = sum(parameter.numel() for parameter in model.parameters())
    for name, found in rows.items():
        first, speed = (statistics.median(column) for column in zip(*found))
        print(
            f"{parameters / 1e6:.1f} M parameters, prompt of {options.prompt}: {name} "
            f"{1e3 * first:.0f} ms to the first token, {speed:.0f} tokens/s "
            f"({4e-9 * parameters * speed:.1f} GB/s of weights)"
        )
    print(f"{options.tokens} new tokens: {'equal' if same else 'DIFFERENT'}")
    sys.exit(0 if same else 1)


if __name__ == "__main__":
    main()
