"""The same encoder-decoder in PyTorch: runs a training step per line on standard input. Started by torch.mjs."""

import json
import sys
import time

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn

setting = json.loads(sys.argv[1])
shape = setting["shape"]
torch.set_num_threads(setting["threads"])
torch.set_num_interop_threads(1)
DEVICE = torch.device(setting["peerDevice"])
DTYPE = getattr(torch, setting["peerDtype"])
IS_BFLOAT16 = DTYPE == torch.bfloat16
WIDTH, HEADS, KV_HEADS, HEAD_DIM = shape["width"], shape["heads"], shape["kvHeads"], shape["headDim"]
VOCABULARY = shape["vocabularySize"]


def rotation(length):
    """Cosines and sines of rotary positions, [length, headDim / 2]."""
    frequencies = 10_000.0 ** (-torch.arange(0, HEAD_DIM, 2) / HEAD_DIM)
    angles = torch.arange(length)[:, None] * frequencies
    return angles.cos().to(DEVICE), angles.sin().to(DEVICE)


# Computed once for all positions, like the constants in slm's graphs.
COSINES, SINES = rotation(max(setting["source"], setting["answer"]))


def angles_of(length):
    return COSINES[:length], SINES[:length]


def rotate(x, angles):
    cos, sin = (part.to(x.dtype) for part in angles)
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
        # Faster than enable_gqa, which uses a composition instead of the fused kernel.
        key, value = (x.repeat_interleave(HEADS // KV_HEADS, 1) for x in (key, value))
        attended = F.scaled_dot_product_attention(query, key, value, is_causal=causal)
        return self.output(attended.transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    def __init__(self):
        super().__init__()
        self.up = nn.Linear(WIDTH, shape["feedForward"])
        self.down = nn.Linear(shape["feedForward"], WIDTH)

    def forward(self, x):
        return self.down(F.gelu(self.up(x), approximate="tanh"))


# The names below equal those in slm's checkpoints, so both sides can use the same file of weights.
class EncoderLayer(nn.Module):
    def __init__(self):
        super().__init__()
        self.attentionNorm, self.feedForwardNorm = Norm(), Norm()
        self.attention, self.feedForward = Attention(), FeedForward()

    def forward(self, x, angles):
        normed = self.attentionNorm(x)
        x = x + self.attention(normed, *self.attention.keys_values(normed, angles), angles)
        return x + self.feedForward(self.feedForwardNorm(x))


class DecoderLayer(nn.Module):
    def __init__(self):
        super().__init__()
        self.attentionNorm, self.crossAttentionNorm, self.feedForwardNorm = Norm(), Norm(), Norm()
        self.attention, self.crossAttention, self.feedForward = Attention(), Attention(), FeedForward()

    def forward(self, x, angles, cross):
        normed = self.attentionNorm(x)
        x = x + self.attention(normed, *self.attention.keys_values(normed, angles), angles, causal=True)
        x = x + self.crossAttention(self.crossAttentionNorm(x), *cross)
        return x + self.feedForward(self.feedForwardNorm(x))


class Stack(nn.Module):
    def __init__(self, kind, count):
        super().__init__()
        self.layers = nn.ModuleList([kind() for _ in range(count)])
        self.norm = Norm()


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, WIDTH)
        self.encoder = Stack(EncoderLayer, shape["encoderLayers"])
        self.decoder = Stack(DecoderLayer, shape["decoderLayers"])

    def encode(self, ids):
        x, angles = self.embedding(ids), angles_of(ids.shape[1])
        for layer in self.encoder.layers:
            x = layer(x, angles)
        x = self.encoder.norm(x)
        return [layer.crossAttention.keys_values(x) for layer in self.decoder.layers]

    def decode(self, ids, cross):
        x, angles = self.embedding(ids), angles_of(ids.shape[1])
        for layer, source in zip(self.decoder.layers, cross):
            x = layer(x, angles, source)
        return F.linear(self.decoder.norm(x), self.embedding.weight)


with torch.device("meta"):
    model = Model()
model.load_state_dict(load_file(setting["weights"]), assign=True)
model.to(DEVICE)
parameters = sum(parameter.numel() for parameter in model.parameters())


def trainer():
    """One step with soft targets: forward, backward, clipping, AdamW, on slm's batch with slm's learning rates."""
    batch, source, target = setting["batch"], setting["source"], setting["answer"]
    # Weight decay applies to matrices, but not to norms and biases.
    groups = [
        {"params": [x for x in model.parameters() if (x.dim() > 1) == decays], "weight_decay": decay}
        for decays, decay in ((True, setting["weightDecay"]), (False, 0.0))
    ]
    optimizer = torch.optim.AdamW(
        groups, betas=(setting["beta1"], setting["beta2"]), eps=setting["epsilon"], fused=True
    )
    with open(setting["batchFile"]) as file:
        numbers = {name: torch.tensor(values).to(DEVICE) for name, values in json.load(file).items()}
    sources, targets = numbers["source"].view(batch, source), numbers["target"].view(batch, target)
    soft = F.one_hot(numbers["classes"], VOCABULARY).float()

    def loss_of(sources, targets, soft):
        with torch.autocast(DEVICE.type, torch.bfloat16, enabled=IS_BFLOAT16):
            logits = model.decode(targets, model.encode(sources)).view(-1, VOCABULARY)
        return F.cross_entropy(logits.float(), soft)

    if setting["compiled"]:
        loss_of = torch.compile(loss_of)

    def step(request):
        began = time.perf_counter()
        for group in optimizer.param_groups:
            group["lr"] = request["rate"]
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(sources, targets, soft)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), setting["maxGradNorm"])
        optimizer.step()
        if DEVICE.type == "cuda":
            torch.cuda.synchronize()
        milliseconds = 1000 * (time.perf_counter() - began)
        return {"stepMs": milliseconds, "loss": loss.item()}

    return step


work = trainer()
print(json.dumps({"version": torch.__version__, "parameters": parameters}), flush=True)
for line in sys.stdin:
    print(json.dumps(work(json.loads(line))), flush=True)
