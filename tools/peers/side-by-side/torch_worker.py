"""The same encoder-decoder in PyTorch: a training step or a generation for each line on standard input. Started by torch.mjs."""

import json
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

setting = json.loads(sys.argv[1])
shape = setting["shape"]
torch.set_num_threads(setting["threads"])
torch.set_num_interop_threads(1)
torch.manual_seed(1)
WIDTH, HEADS, KV_HEADS, HEAD_DIM = shape["width"], shape["heads"], shape["kvHeads"], shape["headDim"]
VOCABULARY = shape["vocabularySize"]


def rotation(length, offset=0):
    """Cosines and sines of rotary positions, [length, headDim / 2]."""
    frequencies = 10_000.0 ** (-torch.arange(0, HEAD_DIM, 2) / HEAD_DIM)
    angles = torch.arange(offset, offset + length)[:, None] * frequencies
    return angles.cos(), angles.sin()


def rotate(x, angles):
    cos, sin = angles
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)


class Norm(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(WIDTH))

    def forward(self, x):
        return F.rms_norm(x, (WIDTH,), self.weight, 1e-6)


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.query = nn.Linear(WIDTH, HEADS * HEAD_DIM)
        self.key = nn.Linear(WIDTH, KV_HEADS * HEAD_DIM)
        self.value = nn.Linear(WIDTH, KV_HEADS * HEAD_DIM)
        self.output = nn.Linear(HEADS * HEAD_DIM, WIDTH)

    def heads(self, x, count):
        return x.view(x.shape[0], x.shape[1], count, HEAD_DIM).transpose(1, 2)

    def keys_values(self, x, angles=None):
        key, value = self.heads(self.key(x), KV_HEADS), self.heads(self.value(x), KV_HEADS)
        return (key if angles is None else rotate(key, angles)), value

    def forward(self, x, key, value, angles=None, causal=False):
        query = self.heads(self.query(x), HEADS)
        if angles is not None:
            query = rotate(query, angles)
        attended = F.scaled_dot_product_attention(query, key, value, is_causal=causal, enable_gqa=True)
        return self.output(attended.transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    def __init__(self):
        super().__init__()
        self.up = nn.Linear(WIDTH, shape["feedForward"])
        self.down = nn.Linear(shape["feedForward"], WIDTH)

    def forward(self, x):
        return self.down(F.gelu(self.up(x), approximate="tanh"))


class EncoderLayer(nn.Module):
    def __init__(self):
        super().__init__()
        self.norms = nn.ModuleList([Norm(), Norm()])
        self.attention, self.feed_forward = Attention(), FeedForward()

    def forward(self, x, angles):
        normed = self.norms[0](x)
        x = x + self.attention(normed, *self.attention.keys_values(normed, angles), angles)
        return x + self.feed_forward(self.norms[1](x))


class DecoderLayer(nn.Module):
    def __init__(self):
        super().__init__()
        self.norms = nn.ModuleList([Norm(), Norm(), Norm()])
        self.own, self.cross, self.feed_forward = Attention(), Attention(), FeedForward()

    def forward(self, x, angles, cross, cache=None):
        normed = self.norms[0](x)
        key, value = self.own.keys_values(normed, angles)
        if cache is not None:
            # A buffer of the longest answer, written in place: nothing grows while tokens are made.
            at = cache["length"]
            cache["key"][:, :, at : at + 1], cache["value"][:, :, at : at + 1] = key, value
            cache["length"] = at + 1
            key, value = cache["key"][:, :, : at + 1], cache["value"][:, :, : at + 1]
        x = x + self.own(normed, key, value, angles, causal=cache is None)
        x = x + self.cross(self.norms[1](x), *cross)
        return x + self.feed_forward(self.norms[2](x))


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(VOCABULARY, WIDTH)
        self.encoder = nn.ModuleList([EncoderLayer() for _ in range(shape["encoderLayers"])])
        self.decoder = nn.ModuleList([DecoderLayer() for _ in range(shape["decoderLayers"])])
        self.encoder_norm, self.decoder_norm = Norm(), Norm()

    def encode(self, ids):
        x, angles = self.table(ids), rotation(ids.shape[1])
        for layer in self.encoder:
            x = layer(x, angles)
        x = self.encoder_norm(x)
        return [layer.cross.keys_values(x) for layer in self.decoder]

    def decode(self, ids, cross, caches=None, offset=0):
        x, angles = self.table(ids), rotation(ids.shape[1], offset)
        for at, layer in enumerate(self.decoder):
            x = layer(x, angles, cross[at], None if caches is None else caches[at])
        return F.linear(self.decoder_norm(x), self.table.weight)


model = Model()
parameters = sum(parameter.numel() for parameter in model.parameters())


def trainer():
    """One step with soft targets: forward, backward, clipping, AdamW."""
    batch, source, target = setting["batch"], setting["source"], setting["answer"]
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01, fused=True)
    sources = torch.randint(VOCABULARY, (batch, source))
    targets = torch.randint(VOCABULARY, (batch, target))
    soft = F.one_hot(torch.randint(VOCABULARY, (batch * target,)), VOCABULARY).float()

    def step(_):
        began = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        logits = model.decode(targets, model.encode(sources)).view(-1, VOCABULARY)
        loss = F.cross_entropy(logits, soft)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        milliseconds = 1000 * (time.perf_counter() - began)
        return {"stepMs": milliseconds, "loss": loss.item()}

    return step


def generator():
    """Greedy, one text, caches of keys and values; the ending token is never taken."""
    model.eval()
    source, answer = setting["source"], setting["answer"]
    ids = torch.randint(4, VOCABULARY, (1, source))

    @torch.inference_mode()
    def generate(_):
        began = time.perf_counter()
        cross = model.encode(ids)
        caches = [
            {
                "key": torch.empty(1, KV_HEADS, answer, HEAD_DIM),
                "value": torch.empty(1, KV_HEADS, answer, HEAD_DIM),
                "length": 0,
            }
            for _ in model.decoder
        ]
        token, first = torch.tensor([[1]]), None
        for at in range(answer):
            logits = model.decode(token, cross, caches, at)[:, -1]
            logits[:, 2] = -torch.inf
            token = logits.argmax(-1, keepdim=True)
            first = first or time.perf_counter()
        return {"firstTokenMs": 1000 * (first - began), "totalMs": 1000 * (time.perf_counter() - began)}

    return generate


work = {"train": trainer, "generate": generator}[setting["task"]]()
print(json.dumps({"version": torch.__version__, "parameters": parameters}), flush=True)
for line in sys.stdin:
    print(json.dumps(work(json.loads(line))), flush=True)
