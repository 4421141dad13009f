/** Reads the layout of the paper's PyTorch model (microsoft/encoder-decoder-slm), to compare slm with the numbers that its code computes. */
import { join } from "node:path";
import { z } from "zod";
import { readRegular, SlmError } from "@slm/core";
import type { HostTensor } from "@slm/runtime";
import {
  parseModelConfig,
  type EncoderDecoderConfig,
  parameterSpecs,
  matchWeights,
  type Weights,
} from "@slm/model";
import { readSafetensors } from "../safetensors.js";

const referenceConfig = z.object({
  n_encoder_layer: z.int().positive(),
  n_decoder_layer: z.int().positive(),
  n_embd: z.int().positive(),
  qkv_embd: z.int().positive(),
  n_head: z.int().positive(),
  n_kv_head: z.int().positive(),
  is_interleaved: z.boolean(),
  hidden_dim: z.int().positive(),
  block_size: z.int().positive().default(1024),
  vocab_size: z.int().positive(),
  rope_theta: z.number().positive(),
  rope_factor: z.literal(1).default(1),
  pad_token_id: z.int().nonnegative(),
});

/** Reads a reference config.json. @throws SlmError CONFIG_INVALID or INPUT_MISSING, naming the file. */
export async function readReferenceConfig(directory: string): Promise<EncoderDecoderConfig> {
  const file = join(directory, "config.json");
  const text = await readRegular(file).catch((cause: unknown) => {
    throw new SlmError("INPUT_MISSING", `${file}: no such file`, { context: { file }, cause });
  });
  let json: unknown;
  try {
    json = JSON.parse(text.toString("utf8"));
  } catch (cause) {
    throw new SlmError("CONFIG_INVALID", `${file}: not JSON`, { cause });
  }
  const parsed = referenceConfig.safeParse(json);
  if (!parsed.success) throw new SlmError("CONFIG_INVALID", `${file}: ${z.prettifyError(parsed.error)}`);
  const c = parsed.data;
  const pad = c.pad_token_id;
  if (c.qkv_embd % c.n_head !== 0) {
    throw new SlmError(
      "CONFIG_INVALID",
      `${file}: n_head ${c.n_head} does not divide qkv_embd ${c.qkv_embd}`,
    );
  }
  const config = parseModelConfig(
    {
      architecture: "encoder-decoder",
      vocabularySize: c.vocab_size,
      width: c.n_embd,
      heads: c.n_head,
      kvHeads: c.n_kv_head,
      headDim: c.qkv_embd / c.n_head,
      feedForward: c.hidden_dim,
      encoderLayers: c.n_encoder_layer,
      decoderLayers: c.n_decoder_layer,
      maxSource: c.block_size,
      maxTarget: c.block_size,
      ropeTheta: c.rope_theta,
      normEpsilon: 1e-6,
      bias: true,
      headOrder: c.is_interleaved ? "grouped" : "modulo",
      // The layout has only the pad id; the other special tokens do not affect the compared numbers.
      tokens: { pad, bos: pad, eos: pad, unknown: pad },
    },
    file,
  );
  return config as EncoderDecoderConfig;
}

/** Maps slm's names to the reference's, as replacements applied in order. */
const RENAMES: readonly (readonly [RegExp, string])[] = [
  [/^embedding\./, "transformer.wte."],
  [/^encoder\.norm\./, "transformer.ln_e."],
  [/^decoder\.norm\./, "transformer.ln_f."],
  [/^encoder\.layers\./, "transformer.e."],
  [/^decoder\.layers\.(\d+)\.attention\./, "transformer.h.$1.causal_attn."],
  [/^decoder\.layers\.(\d+)\.feedForwardNorm\./, "transformer.h.$1.ln3."],
  [/^decoder\.layers\./, "transformer.h."],
  [/\.attention\./, ".attn."],
  [/\.crossAttention\./, ".cross_attn."],
  [/\.attentionNorm\./, ".ln1."],
  [/\.(crossAttentionNorm|feedForwardNorm)\./, ".ln2."],
  [/\.(query|key|value)\./, ".$1_linear."],
  [/\.query_linear\./, ".q_linear."],
  [/\.key_linear\./, ".k_linear."],
  [/\.value_linear\./, ".v_linear."],
  [/\.output\./, ".out_linear."],
  [/\.feedForward\.up\./, ".mlp.fc1."],
  [/\.feedForward\.down\./, ".mlp.fc2."],
];

/** The reference's name of a parameter of slm. */
function referenceName(name: string): string {
  return RENAMES.reduce((renamed, [pattern, replacement]) => renamed.replace(pattern, replacement), name);
}

/** Reads a reference file of weights or gradients as slm's parameters. */
export async function readReferenceWeights(config: EncoderDecoderConfig, file: string): Promise<Weights> {
  const { tensors } = await readSafetensors(file);
  const ours = new Map<string, HostTensor>();
  const known = new Map(parameterSpecs(config).map(({ name }) => [referenceName(name), name]));
  for (const [name, tensor] of tensors) ours.set(known.get(name) ?? name, tensor);
  return matchWeights(config, ours, file);
}
