"""What Hugging Face's image processors and Pillow make of images, for the tests of @slm/vision.

    python tools/interop/reference/images.py packages/vision/fixtures

Needs pillow, torch and transformers 4.57. Writes cases.json (what was asked), expected.bin (uint8 pixels after resizing
and cropping, all cases one after another; normalised values are checked by 16 samples of each case) and files/ (tiny images
of every format, with the pixels Pillow reads in files.json). Images are made by an integer formula that the tests repeat.
"""

import base64
import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from PIL import Image, ImageOps
from transformers import CLIPImageProcessor, LlavaNextImageProcessor, SiglipImageProcessor, ViTImageProcessor
from transformers.models.llava_next.modeling_llava_next import LlavaNextModel


def pixels(width, height, seed):
    """(p·x² + q·y² + r·x·y + 85·c + seed) >> s, the lower 8 bits: waves that get finer to the lower right."""
    p, q, r, s = 1 + seed % 5, 1 + seed % 7, seed % 11, seed % 6
    y, x, c = np.mgrid[0:height, 0:width, 0:3].astype(np.int64)
    return (((p * x * x + q * y * y + r * x * y + 85 * c + seed) >> s) & 255).astype(np.uint8)


CLIP, SIGLIP, VIT, LLAVA = "CLIPImageProcessor", "SiglipImageProcessor", "ViTImageProcessor", "LlavaNextImageProcessor"
CLASSES = {CLIP: CLIPImageProcessor, SIGLIP: SiglipImageProcessor, VIT: ViTImageProcessor, LLAVA: LlavaNextImageProcessor}
GRID = [[24, 48], [48, 24], [48, 48], [72, 24], [24, 72]]

# width, height, seed, class, settings
CASES = [
    (97, 61, 1, CLIP, dict(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})),
    (61, 97, 2, CLIP, dict(size={"shortest_edge": 40}, crop_size={"height": 32, "width": 28})),
    (33, 32, 3, CLIP, dict(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})),
    (300, 200, 4, CLIP, dict(size={"shortest_edge": 24}, crop_size={"height": 33, "width": 47})),
    (17, 5, 5, CLIP, dict(size={"shortest_edge": 31}, crop_size={"height": 30, "width": 30})),
    (1200, 900, 6, CLIP, dict(size={"shortest_edge": 33}, crop_size={"height": 32, "width": 32})),
    (50, 40, 7, CLIP, dict(size={"shortest_edge": 28}, crop_size={"height": 24, "width": 24}, resample=2)),
    (64, 48, 8, CLIP, dict(do_resize=False, crop_size={"height": 31, "width": 52})),
    (97, 61, 9, SIGLIP, dict(size={"height": 32, "width": 32})),
    (40, 160, 10, SIGLIP, dict(size={"height": 24, "width": 36})),
    (641, 11, 11, SIGLIP, dict(size={"height": 28, "width": 28})),
    (5, 4, 12, SIGLIP, dict(size={"height": 33, "width": 31}, resample=2)),
    (800, 600, 13, SIGLIP, dict(size={"height": 30, "width": 40}, resample=1)),
    (97, 61, 14, VIT, dict(size={"height": 32, "width": 32})),
    (300, 451, 15, VIT, dict(size={"height": 28, "width": 28}, resample=3)),
    (7, 2, 16, VIT, dict(size={"height": 9, "width": 7})),
    (32, 32, 17, VIT, dict(size={"height": 32, "width": 32}, do_normalize=False)),
    (131, 77, 18, LLAVA, dict(size={"shortest_edge": 24}, crop_size={"height": 24, "width": 24}, image_grid_pinpoints=GRID)),
    (40, 100, 19, LLAVA, dict(size={"shortest_edge": 24}, crop_size={"height": 24, "width": 24}, image_grid_pinpoints=GRID)),
    (55, 52, 20, LLAVA, dict(size={"shortest_edge": 24}, crop_size={"height": 24, "width": 24}, image_grid_pinpoints=GRID)),
]
PATCH = 4  # pixels of a token's side, for the order of tokens


def processed(width, height, seed, name, settings):
    image = Image.fromarray(pixels(width, height, seed))
    raw = CLASSES[name](**settings, do_rescale=False, **({} if "do_normalize" in settings else {"do_normalize": False}))
    full = CLASSES[name](**settings)
    shaped = np.asarray(raw(image)["pixel_values"][0])
    values = np.asarray(full(image)["pixel_values"][0], dtype=np.float32).reshape(-1)
    assert shaped.min() >= 0 and shaped.max() <= 255 and (shaped == shaped.round()).all()
    at = [(7919 * i + seed) % values.size for i in range(16)]
    case = dict(
        width=width,
        height=height,
        seed=seed,
        config=dict(image_processor_type=name, **settings),
        shape=list(shaped.shape),
        samples=[[int(i), float(values[i])] for i in at],
    )
    if name == LLAVA:
        case["tokens"] = token_order(width, height, settings, shaped.shape[0])
    return case, shaped.astype(np.uint8)


def token_order(width, height, settings, images):
    """The order of tokens that LLaVA-NeXT packs: features that are their own numbers, the newline's the last."""
    side = settings["crop_size"]["height"]
    tokens = (side // PATCH) ** 2
    features = torch.arange(images * tokens, dtype=torch.float32).reshape(1, images, tokens, 1)
    config = SimpleNamespace(
        image_grid_pinpoints=settings["image_grid_pinpoints"],
        vision_config=SimpleNamespace(image_size=side, patch_size=PATCH),
    )
    packed, _ = LlavaNextModel.pack_image_features(
        SimpleNamespace(config=config),
        [features[0]],
        torch.tensor([[height, width]]),
        vision_feature_select_strategy="default",
        image_newline=torch.tensor([float(images * tokens)]),
    )
    return [int(number) for number in packed[0].reshape(-1)]


def files(directory):
    """Tiny images of every format, and what Pillow reads of them; the 16-bit one as its upper 8 bits."""
    directory.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels(24, 16, 21))
    smooth = image.resize((12, 8)).resize((24, 16))
    alpha = image.copy()
    alpha.putalpha(Image.fromarray(pixels(24, 16, 22)[:, :, 0]))
    exif = Image.Exif()
    found = []

    def save(name, image, expected=None, **options):
        stream = io.BytesIO()
        image.save(stream, format=name.split(".")[-1].replace("jpg", "jpeg").replace("tif", "tiff"), **options)
        (directory / name).write_bytes(stream.getvalue())
        read = ImageOps.exif_transpose(Image.open(io.BytesIO(stream.getvalue()))).convert("RGB")
        rgb = np.asarray(read) if expected is None else expected
        found.append(dict(file=name, width=rgb.shape[1], height=rgb.shape[0], rgb=base64.b64encode(rgb.tobytes()).decode()))

    save("full.jpg", smooth, quality=90, subsampling=0)
    save("halved.jpg", smooth, quality=90, subsampling=2)
    save("progressive.jpg", smooth, quality=90, progressive=True)
    save("grey.jpg", smooth.convert("L"), quality=90)
    for orientation in range(2, 9):
        exif[0x0112] = orientation
        save(f"orientation-{orientation}.jpg", smooth.crop((0, 0, 16, 8)), quality=90, subsampling=0, exif=exif)
    save("colour.png", image)
    save("grey.png", image.convert("L"))
    save("one-bit.png", image.convert("1"))
    save("alpha.png", alpha)
    save("grey-alpha.png", alpha.convert("LA"))
    save("palette.png", image.quantize(16), transparency=3)
    wide = pixels(24, 16, 23)[:, :, 0].astype(np.uint16) * 256 + 77
    save("grey-16-bit.png", Image.fromarray(wide), expected=np.repeat((wide >> 8).astype(np.uint8)[:, :, None], 3, axis=2))
    save("lossless.webp", image, lossless=True)
    save("lossy.webp", smooth, quality=90)
    save("one-frame.gif", image.quantize(16))
    save("plain.tif", image)
    save("inks.jpg", smooth.convert("CMYK"), quality=90)
    inks = Image.merge("CMYK", [*image.split(), Image.fromarray(pixels(24, 16, 25)[:, :, 1])])
    save("inks.tif", inks)
    save("opaque.avif", smooth, quality=90, subsampling="4:4:4")
    save("transparent.avif", alpha, quality=95, subsampling="4:4:4")
    save("large.tif", image, big_tiff=True)
    (directory.parent / "files.json").write_text(json.dumps(found, indent=0) + "\n")

    rejected = directory.parent / "rejected"
    rejected.mkdir(exist_ok=True)
    other = Image.fromarray(pixels(24, 16, 24))
    image.save(rejected / "two-frames.gif", save_all=True, append_images=[other])
    image.save(rejected / "two-frames.webp", save_all=True, append_images=[other], lossless=True)
    image.save(rejected / "two-pages.tif", save_all=True, append_images=[other])
    (rejected / "jpeg-2000.jp2").write_bytes(b"\0\0\0\x0cjP  \r\n\x87\n")
    whole = (directory / "full.jpg").read_bytes()
    (rejected / "truncated.jpg").write_bytes(whole[: len(whole) * 3 // 5])
    whole = (directory / "colour.png").read_bytes()
    (rejected / "truncated.png").write_bytes(whole[: len(whole) * 3 // 5])
    (rejected / "drawing.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>\n')


def main(directory):
    directory.mkdir(parents=True, exist_ok=True)
    results = [processed(*case) for case in CASES]
    (directory / "cases.json").write_text(json.dumps([case for case, _ in results], indent=0) + "\n")
    (directory / "expected.bin").write_bytes(b"".join(shaped.tobytes() for _, shaped in results))
    files(directory / "files")


main(Path(sys.argv[1]))
