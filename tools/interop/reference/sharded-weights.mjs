/**
 * Weights that slm writes in shards, read by transformers; and shards of transformers, read by slm.
 *
 *   npm run build && node tools/interop/reference/sharded-weights.mjs PYTHON
 *
 * PYTHON has transformers, torch and safetensors. Prints their versions and a line per model; exit 1 if a tensor, a logit or an index differs.
 */
import { execa } from "execa";
import { cp, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSafetensors, openWeights, WEIGHTS_FILE, writeWeights } from "@slm/checkpoints";

const FIXTURES = new URL("../../../packages/checkpoints/fixtures/import", import.meta.url).pathname;
const SCRIPT = new URL("sharded_weights.py", import.meta.url).pathname;
const MODELS = ["llama", "qwen3", "gemma2"];
/** Shards of about this part of the weights. */
const PART = 0.3;

const [python] = process.argv.slice(2);
if (python === undefined) throw new Error("usage: sharded-weights.mjs PYTHON");
const workspace = await mkdtemp(join(tmpdir(), "slm-shards-"));
const say = (text) => process.stdout.write(`${text}\n`);
try {
  for (const model of MODELS) {
    const source = join(FIXTURES, model);
    const [ours, theirs] = ["ours", "theirs"].map((name) => join(workspace, model, name));
    await cp(source, ours, { recursive: true, filter: (path) => !path.endsWith(".safetensors") });
    const whole = await openSafetensors(join(source, WEIGHTS_FILE));
    const tensors = new Map();
    let bytes = 0;
    for (const [name, { begin, end, shape }] of whole.entries) {
      const { dtype } = await whole.read(name);
      tensors.set(name, { dtype, shape, read: () => whole.read(name) });
      bytes += end - begin;
    }
    const shardBytes = Math.floor(bytes * PART);
    await writeWeights(ours, tensors, { shardBytes });
    const asked = JSON.stringify({ whole: source, ours, theirs, shardBytes });
    say(`${model}: ${(await execa(python, [SCRIPT], { input: asked })).stdout}`);
    const read = await openWeights(theirs);
    for (const name of whole.entries.keys()) {
      const [expected, actual] = [await whole.read(name), await read.read(name)];
      if (Buffer.compare(Buffer.from(expected.data.buffer), Buffer.from(actual.data.buffer)) !== 0)
        throw new Error(`${model}: '${name}' of transformers' shards is another tensor`);
    }
    say(
      `${model}: slm reads ${(await readdir(theirs)).filter((file) => file.startsWith("model-")).length} shards of transformers`,
    );
    await read.close();
    await whole.close();
  }
} finally {
  await rm(workspace, { recursive: true });
}
