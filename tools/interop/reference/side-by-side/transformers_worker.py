"""Random weights in transformers: a batch of greedy generations for each line on standard input. Started by generate.mjs."""

import json
import sys
import time

import torch
import transformers
from transformers import LlamaConfig, LlamaForCausalLM, T5Config, T5ForConditionalGeneration

setting = json.loads(sys.argv[1])
shape, batch, answer = setting["shape"], setting["batch"], setting["answer"]
torch.set_num_threads(setting["threads"])
DEVICE = torch.device(setting["peerDevice"])
COMMON = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "vocab_size": shape["vocabularySize"]}


def encoder_decoder():
    """A T5 of as many and as wide layers; it has as many key heads as query heads and no biases."""
    return T5ForConditionalGeneration(
        T5Config(
            **COMMON,
            d_model=shape["width"],
            d_kv=shape["headDim"],
            d_ff=shape["feedForward"],
            num_layers=shape["encoderLayers"],
            num_decoder_layers=shape["decoderLayers"],
            num_heads=shape["heads"],
            feed_forward_proj="gelu",
            decoder_start_token_id=0,
        )
    )


def decoder_only():
    """A Llama of the same shape."""
    return LlamaForCausalLM(
        LlamaConfig(
            **COMMON,
            hidden_size=shape["width"],
            intermediate_size=shape["feedForward"],
            num_hidden_layers=shape["decoderLayers"],
            num_attention_heads=shape["heads"],
            num_key_value_heads=shape["kvHeads"],
            head_dim=shape["headDim"],
            max_position_embeddings=shape["maxSource"] + shape["maxTarget"],
            tie_word_embeddings=True,
        )
    )


make = {"encoder-decoder": encoder_decoder, "decoder-only": decoder_only}[shape["architecture"]]
model = make().eval().to(DEVICE, getattr(torch, setting["peerDtype"]))
generator = torch.Generator().manual_seed(1)
row = torch.randint(4, shape["vocabularySize"], (1, setting["source"]), generator=generator)
ids = row.expand(batch, -1).to(DEVICE)


@torch.inference_mode()
def generate():
    began = time.perf_counter()
    made = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=answer,
        min_new_tokens=answer,
        do_sample=False,
    )
    # Reading them waits for the device.
    tokens = made[0].tolist()[-answer:]
    return {"totalMs": 1000 * (time.perf_counter() - began), "tokens": tokens}


parameters = sum(parameter.numel() for parameter in model.parameters())
print(json.dumps({"version": transformers.__version__, "torch": torch.__version__, "parameters": parameters}), flush=True)
for line in sys.stdin:
    print(json.dumps(generate()), flush=True)
