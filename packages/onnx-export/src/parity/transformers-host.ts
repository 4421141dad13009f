/** Runs graphs of layout transformers.js as that library does: caches grow, and the first step computes the source's caches. */
import { createHostTensor, type HostTensor, type Session } from "@slm/runtime";
import { TRANSFORMERS_DECODER_IO } from "../graphs/transformers-decoder-only.js";
import { TRANSFORMERS_IO } from "../graphs/transformers-graphs.js";
import { PIXEL_VALUES } from "../graphs/transformers-image.js";
import type { CaseInputs } from "./parity-cases.js";
import { floats } from "./reference-logits.js";
import { columns, type GraphHost, type HostSetting } from "./run-host.js";

export const runTransformers: GraphHost = (setting, sessions, problem) =>
  (sessions.encoder === undefined ? runDecoderOnly : runEncoderDecoder)(setting, sessions, problem);

/** Runs a decoder-only model on rows without padding: first with logits of all positions, then only of the last ones. */
const runDecoderOnly: GraphHost = async ({ config, precision }, { decoder }, { sizes, inputs }) => {
  const { batch, prefill, target } = sizes;
  const caches = Array.from({ length: config.decoderLayers }, (_, layer) =>
    PARTS.map((part) => ({
      past: TRANSFORMERS_DECODER_IO.past(layer, part),
      present: TRANSFORMERS_DECODER_IO.present(layer, part),
    })),
  ).flat();
  const empty = createHostTensor(precision, [batch, config.kvHeads, 0, config.headDim]);
  let past: Caches = Object.fromEntries(caches.map((cache) => [cache.past, empty]));
  const results: Float32Array[] = [];
  for (let length = 0, size = prefill; length < target; length += size, size = 1) {
    const total = length + size;
    const { fetched } = await decoder.run({
      feeds: {
        [TRANSFORMERS_DECODER_IO.ids]: toInt64(columns(inputs.targetIds, length, size)),
        [TRANSFORMERS_DECODER_IO.mask]: createHostTensor(
          "int64",
          [batch, total],
          new BigInt64Array(batch * total).fill(1n),
        ),
        [TRANSFORMERS_DECODER_IO.kept]: createHostTensor(
          "int64",
          [],
          BigInt64Array.of(length === 0 ? 0n : 1n),
        ),
        ...past,
      },
      fetch: decoder.outputNames,
    });
    results.push(lastOf(floats(fetched[TRANSFORMERS_DECODER_IO.logits]), batch, size));
    past = Object.fromEntries(caches.map((cache) => [cache.past, fetched[cache.present]!]));
  }
  return results;
};

const runEncoderDecoder: GraphHost = async (setting, { encoder, decoder }, { sizes, inputs }) => {
  const { pixels } = inputs;
  const attended = pixels === undefined ? attentionMask(inputs) : undefined;
  const hidden =
    attended === undefined
      ? await readPixels(encoder!, pixels!)
      : await runEncoder(encoder!, inputs, attended);
  let caches = emptyCaches(setting, sizes.batch);
  const results: Float32Array[] = [];
  for (let past = 0, size = sizes.prefill; past < sizes.target; past += size, size = 1) {
    const { fetched } = await decoder.run({
      feeds: {
        [TRANSFORMERS_IO.ids]: toInt64(columns(inputs.targetIds, past, size)),
        [TRANSFORMERS_IO.encoderHidden]: hidden,
        ...(attended === undefined ? {} : { [TRANSFORMERS_IO.decoderEncoderMask]: attended }),
        ...caches,
      },
      fetch: decoder.outputNames,
    });
    results.push(lastOf(floats(fetched[TRANSFORMERS_IO.logits]), sizes.batch, size));
    caches = nextCaches(setting, caches, fetched, past === 0);
  }
  return results;
};

async function runEncoder(encoder: Session, inputs: CaseInputs, attended: HostTensor): Promise<HostTensor> {
  const feeds = {
    [TRANSFORMERS_IO.ids]: toInt64(inputs.sourceIds),
    [TRANSFORMERS_IO.encoderMask]: attended,
  };
  const { fetched } = await encoder.run({ feeds, fetch: [TRANSFORMERS_IO.hidden] });
  return fetched[TRANSFORMERS_IO.hidden]!;
}

async function readPixels(encoder: Session, pixels: HostTensor): Promise<HostTensor> {
  const { fetched } = await encoder.run({
    feeds: { [PIXEL_VALUES]: pixels },
    fetch: [TRANSFORMERS_IO.hidden],
  });
  return fetched[TRANSFORMERS_IO.hidden]!;
}

function attentionMask({ sourceIds, sourceLengths }: CaseInputs): HostTensor {
  const [batch = 0, source = 0] = sourceIds.shape;
  const values = BigInt64Array.from({ length: batch * source }, (_, index) =>
    index % source < Number(sourceLengths.data[Math.floor(index / source)]!) ? 1n : 0n,
  );
  return createHostTensor("int64", [batch, source], values);
}

const toInt64 = ({ shape, data }: HostTensor): HostTensor =>
  createHostTensor("int64", shape, BigInt64Array.from(data as Int32Array, BigInt));

const SIDES = ["decoder", "encoder"] as const;
const PARTS = ["key", "value"] as const;

type Caches = Readonly<Record<string, HostTensor>>;

function emptyCaches({ config, precision }: HostSetting, batch: number): Caches {
  const empty = createHostTensor(precision, [batch, config.kvHeads, 0, config.headDim]);
  return Object.fromEntries(cacheNames(config.decoderLayers).map(({ past }) => [past, empty]));
}

/** The library keeps the source's caches of the first step and ignores later ones. */
function nextCaches({ config }: HostSetting, caches: Caches, fetched: Caches, isFirst: boolean): Caches {
  const entries = cacheNames(config.decoderLayers).map(({ side, past, present }) => [
    past,
    side === "encoder" && !isFirst ? caches[past]! : fetched[present]!,
  ]);
  return Object.fromEntries(entries) as Caches;
}

function cacheNames(layers: number): { side: "decoder" | "encoder"; past: string; present: string }[] {
  return Array.from({ length: layers }, (_, layer) =>
    SIDES.flatMap((side) =>
      PARTS.map((part) => ({
        side,
        past: TRANSFORMERS_IO.past(layer, side, part),
        present: TRANSFORMERS_IO.present(layer, side, part),
      })),
    ),
  ).flat();
}

/** The last position of logits `[batch, target, vocab]`. */
function lastOf(logits: Float32Array, batch: number, target: number): Float32Array {
  const vocabulary = logits.length / (batch * target);
  const last = new Float32Array(batch * vocabulary);
  for (let row = 0; row < batch; row++) {
    const start = ((row + 1) * target - 1) * vocabulary;
    last.set(logits.subarray(start, start + vocabulary), row * vocabulary);
  }
  return last;
}
