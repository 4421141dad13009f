"""Tiny random CLIP and SigLIP models with the features that their own library gives.

    python tools/interop/reference/vision-towers.py packages/checkpoints/fixtures/import
    python tools/interop/reference/vision-towers.py --large DIRECTORY

Needs torch, transformers 4.57 and safetensors. Each directory holds the model as the library saves it: clip a whole model
with its text half, siglip the vision half alone, with patches that do not fill the image. expected.safetensors holds
`pixels` float32 [images, channels, height, width] and the features computed from the stored weights in float32: `last`, the
library's last_hidden_state, and `penultimate`, hidden_states[-2]. --large makes the shapes of CLIP ViT-L/14-336 and
SigLIP-so400m/14-384 instead, 3 GB, for tools/interop/reference/vision-towers.mjs, which is not part of the tests.
"""

import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import CLIPConfig, CLIPModel, SiglipVisionConfig, SiglipVisionModel

TEXT = dict(vocab_size=20, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1, max_position_embeddings=8)
TINY_CLIP = dict(hidden_size=16, intermediate_size=24, num_hidden_layers=3, num_attention_heads=2, image_size=12, patch_size=4)
TINY_SIGLIP = dict(hidden_size=16, intermediate_size=24, num_hidden_layers=3, num_attention_heads=4, image_size=14, patch_size=4)
CLIP_L = dict(hidden_size=1024, intermediate_size=4096, num_hidden_layers=24, num_attention_heads=16, image_size=336, patch_size=14)
SO400M = dict(hidden_size=1152, intermediate_size=4304, num_hidden_layers=27, num_attention_heads=16, image_size=384, patch_size=14)


def larger(model, large):
    """Freshly initialized weights are so small that activations and norms hardly show; real ones are not."""
    for name, parameter in model.named_parameters():
        if parameter.dim() > 1:
            parameter.data = torch.randn_like(parameter) * (0.02 if large else 0.3)
        else:
            parameter.data = parameter.data + torch.randn_like(parameter) * (0.02 if large else 0.2)


def save(directory, model, vision, size, large):
    shutil.rmtree(directory, ignore_errors=True)
    larger(model, large)
    model.eval().save_pretrained(directory)
    pixels = torch.randn(1 if large else 2, 3, size, size)
    with torch.no_grad():
        outputs = vision(pixels, output_hidden_states=True)
    expected = dict(pixels=pixels, last=outputs.last_hidden_state, penultimate=outputs.hidden_states[-2])
    (directory / "model.safetensors").chmod(0o644)
    save_file({name: tensor.contiguous() for name, tensor in expected.items()}, directory / "expected.safetensors")


def main(arguments):
    large = arguments[0] == "--large"
    root = Path(arguments[-1])
    torch.manual_seed(1)
    torch.set_num_threads(1)
    clip_shape, siglip_shape = (CLIP_L, SO400M) if large else (TINY_CLIP, TINY_SIGLIP)
    clip = CLIPModel(CLIPConfig(text_config=TEXT, vision_config=clip_shape, projection_dim=8))
    save(root / "clip", clip, clip.vision_model, clip_shape["image_size"], large)
    del clip
    siglip = SiglipVisionModel(SiglipVisionConfig(**siglip_shape))
    save(root / "siglip", siglip, siglip, siglip_shape["image_size"], large)


main(sys.argv[1:])
