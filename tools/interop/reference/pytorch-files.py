"""Small files of torch.save, and the same tensors as safetensors, for the reader of pytorch_model.bin.

    python tools/interop/reference/pytorch-files.py packages/checkpoints/fixtures/pytorch

Needs torch and safetensors. Writes tensors.bin (every type of storage, a transposed and a narrowed tensor, two names of one storage, a parameter,
a scalar), tensors.safetensors (the same in float32), integers.bin, evil.bin (names a function that a careless reader would call), and
legacy.bin (the format before PyTorch 1.6).
"""

import collections
import os
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

directory = Path(sys.argv[1])
directory.mkdir(parents=True, exist_ok=True)
generator = torch.Generator().manual_seed(1)
draw = lambda *shape: torch.randn(*shape, generator=generator)

base = draw(4, 6)
tensors = collections.OrderedDict(
    float32=draw(3, 4),
    float16=draw(5).half(),
    bfloat16=draw(2, 3).bfloat16(),
    float64=draw(2, 2).double(),
    transposed=base.t(),
    narrowed=base[1:3, 2:5],
    shared=base,
    parameter=torch.nn.Parameter(draw(2)),
    scalar=torch.tensor(2.5),
    empty=draw(0, 3),
)
tensors._metadata = collections.OrderedDict({"": {"version": 1}})
torch.save(tensors, directory / "tensors.bin")
save_file({k: v.detach().float().contiguous().clone() for k, v in tensors.items()}, directory / "tensors.safetensors")
torch.save({"ids": torch.arange(4)}, directory / "integers.bin")


class Evil:
    def __reduce__(self):
        return os.system, ("touch evil-was-here",)


torch.save({"weight": draw(2), "evil": Evil()}, directory / "evil.bin")
torch.save({"weight": draw(2)}, directory / "legacy.bin", _use_new_zipfile_serialization=False)
