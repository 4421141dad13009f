"""Loads a model whose weights slm has written in shards, and writes the same model in shards. See sharded-weights.mjs.

    python tools/interop/reference/sharded_weights.py < request.json
"""

import json
import pathlib
import sys

import safetensors
import torch
import transformers


def main():
    request = json.load(sys.stdin)
    def load(directory):
        return transformers.AutoModelForCausalLM.from_pretrained(directory, dtype="auto")

    whole, ours = load(request["whole"]), load(request["ours"])
    names = ours.state_dict().keys()
    assert names == whole.state_dict().keys()
    for name in names:
        assert torch.equal(ours.state_dict()[name], whole.state_dict()[name]), name
    ids = torch.arange(3, 9)[None]
    assert torch.equal(ours(ids).logits, whole(ids).logits)

    index = json.loads((pathlib.Path(request["ours"]) / "model.safetensors.index.json").read_text())
    found = set()
    total = 0
    for shard in sorted(set(index["weight_map"].values())):
        with safetensors.safe_open(pathlib.Path(request["ours"]) / shard, "pt") as file:
            for name in file.keys():
                assert index["weight_map"][name] == shard, name
                tensor = file.get_tensor(name)
                total += tensor.numel() * tensor.element_size()
                found.add(name)
    assert found == set(index["weight_map"]) and total == index["metadata"]["total_size"]

    whole.save_pretrained(request["theirs"], max_shard_size=request["shardBytes"])
    theirs = json.loads((pathlib.Path(request["theirs"]) / "model.safetensors.index.json").read_text())
    assert theirs["metadata"] == index["metadata"], (theirs["metadata"], index["metadata"])
    assert theirs["weight_map"].keys() == index["weight_map"].keys()
    shards = len(set(index["weight_map"].values()))
    print(
        f"{len(names)} tensors and the logits of {shards} shards are those of one file "
        f"(transformers {transformers.__version__}, safetensors {safetensors.__version__}, torch {torch.__version__})"
    )


main()
