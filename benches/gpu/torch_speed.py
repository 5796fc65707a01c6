"""Measures PyTorch's training speed on a GPU, for comparison with the example `gpu_suite`.

usage: torch_speed.py [--rows 16] [--steps 20]

Needs torch and transformers. Trains the decoder of the preset `base` with the same shape, AdamW and
norm as `gpu_suite`, in f32 without TF32 and in bfloat16 by autocast, eager and compiled. Prints
tokens per second.
"""
import argparse
import json
import statistics
import time

import torch
from transformers import LlamaConfig, LlamaForCausalLM

SHAPE = dict(
    vocab_size=50304,
    hidden_size=768,
    num_hidden_layers=12,
    num_attention_heads=12,
    num_key_value_heads=12,
    intermediate_size=2048,
    max_position_embeddings=1024,
    tie_word_embeddings=True,
    attn_implementation="sdpa",
)


def measure(rows, steps, half, compiled):
    torch.manual_seed(1)
    model = LlamaForCausalLM(LlamaConfig(**SHAPE)).cuda().train()
    step = torch.compile(model) if compiled else model
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, betas=(0.9, 0.95), fused=True)
    context = SHAPE["max_position_embeddings"]
    ids = torch.randint(0, SHAPE["vocab_size"], (rows, context + 1), device="cuda")
    seconds = []
    for index in range(steps + 5):
        torch.cuda.synchronize()
        start = time.perf_counter()
        with torch.autocast("cuda", dtype=torch.bfloat16, enabled=half):
            logits = step(ids[:, :-1]).logits
        loss = torch.nn.functional.cross_entropy(
            logits.float().flatten(0, 1), ids[:, 1:].flatten()
        )
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        torch.cuda.synchronize()
        if index >= 5:
            seconds.append(time.perf_counter() - start)
    speed = rows * context / statistics.median(seconds)
    memory = torch.cuda.max_memory_allocated() / 2**30
    print(
        json.dumps(
            dict(torch=torch.__version__, half=half, compiled=compiled, rows=rows,
                 tokens_per_second=round(speed), peak_gib=round(memory, 2))
        ),
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=16)
    parser.add_argument("--steps", type=int, default=20)
    arguments = parser.parse_args()
    torch.backends.cuda.matmul.allow_tf32 = False
    for half in (False, True):
        for compiled in (False, True):
            torch.cuda.reset_peak_memory_stats()
            measure(arguments.rows, arguments.steps, half, compiled)


if __name__ == "__main__":
    main()
