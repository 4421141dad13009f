/** Runs dynamic graphs: the vision graph and the encoder once, then the decoder with caches that grow in place. */
import { cacheTensors, GRAPH_IO } from "@slm/exported-model";
import { stateWidthOf } from "@slm/model";
import { cacheWrites, createHostTensor, type DeviceTensor, type Session } from "@slm/runtime";
import type { CaseInputs } from "./parity-cases.js";
import { floats } from "./reference-logits.js";
import { columns, seeImages, type GraphHost, type HostSetting } from "./run-host.js";

export const runNative: GraphHost = async (setting, { vision, encoder, decoder }, { sizes, inputs }) => {
  const { runtime } = setting;
  const { batch, prefill, target } = sizes;
  const caches = await uploadCaches(setting, batch, target);
  const image = await seeImages(vision, inputs);
  const encoded = encoder === undefined ? {} : await runEncoder(encoder, inputs, image);
  try {
    const results: Float32Array[] = [];
    for (let past = 0, size = prefill; past < target; past += size, size = 1) {
      const { fetched } = await decoder.run({
        feeds: {
          [GRAPH_IO.targetIds]: columns(inputs.targetIds, past, size),
          [GRAPH_IO.pastLength]: createHostTensor("int32", [1], Int32Array.of(past)),
          ...caches.past,
          ...encoded,
        },
        fetch: [GRAPH_IO.logits],
        ...cacheWrites(setting.presentKv, caches.present, [past]),
      });
      results.push(floats(fetched[GRAPH_IO.logits]));
    }
    return results;
  } finally {
    await runtime.release([caches.past, image, encoded].flatMap((tensors) => Object.values(tensors)));
  }
};

async function runEncoder(
  encoder: Session,
  { sourceIds, sourceLengths }: CaseInputs,
  image: Readonly<Record<string, DeviceTensor>>,
): Promise<Readonly<Record<string, DeviceTensor>>> {
  const feeds = { [GRAPH_IO.sourceIds]: sourceIds, [GRAPH_IO.sourceLengths]: sourceLengths, ...image };
  return (await encoder.run({ feeds, keep: encoder.outputNames })).kept;
}

/** Extra capacity, so that the cache's size cannot be confused with the number of tokens. */
const SPARE_POSITIONS = 3;

/** Values for unwritten positions that would change every logit if they were read: 1e6, and 30000 as float16 bits. */
const UNREAD = { float32: 1e6, float16: 0x7753 } as const;

async function uploadCaches(
  { config, runtime, precision }: HostSetting,
  batch: number,
  target: number,
): Promise<{ past: Record<string, DeviceTensor>; present: Record<string, DeviceTensor> }> {
  const past: Record<string, DeviceTensor> = {};
  const present: Record<string, DeviceTensor> = {};
  for (const cache of cacheTensors({ ...config, stateWidth: stateWidthOf(config) })) {
    const shape = [batch, cache.heads, target + SPARE_POSITIONS, cache.width];
    const unread = createHostTensor(precision, shape);
    unread.data.fill(UNREAD[precision] as never);
    past[cache.past] = present[cache.present] = await runtime.upload(unread);
  }
  return { past, present };
}
