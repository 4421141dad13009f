/**
 * Answers prompts in Node.js: slm's WebAssembly, slm with ONNX Runtime, ONNX Runtime (native or WebAssembly) in a plain loop, or transformers.js. For each line on
 * standard input: that many passes over the prompts, then one line with the tokens of every answer as JSON. Started by contenders.ts, which
 * bundles this file, with the kind and the path of a job.
 */
import { readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import type { InferenceSession, Tensor } from "onnxruntime-node";

/** The task of a worker. */
export interface Job {
  /** Directory of an export or of another runtime's model, or a file. */
  readonly model: string;
  readonly prompts: readonly (readonly number[])[];
  /** The same prompts as texts, for slm with ONNX Runtime. */
  readonly texts: readonly string[] | undefined;
  /** Longest answer. */
  readonly tokens: number;
  readonly start: number;
  readonly end: number;
  readonly threads: number;
}

type Answer = (prompt: readonly number[], at: number) => Promise<readonly number[]> | readonly number[];

const [kind, file] = process.argv.slice(2);
const job = JSON.parse(await readFile(file!, "utf8")) as Job;

async function ofWasm(): Promise<Answer> {
  const { PortableModel, readModule, readPortable } = await import("@slm/c-export/portable");
  const program = await readPortable(new Uint8Array(await readFile(job.model)), job.model);
  const model = await PortableModel.open(await readModule(), program);
  return (prompt) => {
    model.encode(prompt);
    const tokens: number[] = [];
    for (let token = job.start; tokens.length < job.tokens; tokens.push(token)) {
      model.read([token]);
      token = model.top();
      if (token === job.end) break;
    }
    return tokens;
  };
}

/** slm as a user opens it, from text to text. */
async function ofSlm(): Promise<Answer> {
  const [{ openGraphModel }, { createCpuRuntime }] = await Promise.all([
    import("@slm/inference"),
    import("@slm/runtime-node"),
  ]);
  const model = await openGraphModel(job.model, await createCpuRuntime({ threads: job.threads }));
  return async (_, at) => {
    const [answer] = await model.generate([job.texts![at]!], { maxTokens: job.tokens });
    return answer!.tokens;
  };
}

/** The common part of onnxruntime-node and onnxruntime-web. */
interface Ort {
  readonly InferenceSession: typeof InferenceSession;
  readonly Tensor: typeof Tensor;
}

async function ofNode(): Promise<Answer> {
  const ort = await import("onnxruntime-node");
  return ofOrt(ort, { intraOpNumThreads: job.threads, interOpNumThreads: 1 });
}

async function ofWeb(): Promise<Answer> {
  const ort = await import("onnxruntime-web");
  ort.env.wasm.numThreads = job.threads;
  return ofOrt(ort, { executionProviders: ["wasm"] });
}

/** The graphs of an export, without slm. */
async function ofOrt(ort: Ort, options: InferenceSession.SessionOptions): Promise<Answer> {
  const about = JSON.parse(await readFile(join(job.model, "model.json"), "utf8")) as Record<
    "decoderLayers" | "kvHeads" | "headDim",
    number
  >;
  const { decoderLayers, kvHeads, headDim } = about;
  const open = async (graph: string): Promise<InferenceSession> => {
    const [model, data] = await Promise.all(
      [`${graph}.onnx`, `${graph}.onnx.data`].map((name) => readFile(join(job.model, name))),
    );
    const externalData = [{ path: `${graph}.onnx.data`, data: data! }];
    return ort.InferenceSession.create(model!, { ...options, externalData });
  };
  const [encoder, decoder] = [await open("encoder"), await open("decoder")];
  const names = Array.from({ length: decoderLayers }, (_, layer) => [
    `${layer}.key`,
    `${layer}.value`,
  ]).flat();
  const shape = [1, kvHeads, job.tokens, headDim];
  const past = names.map((name) => {
    const data = new Float32Array(kvHeads * job.tokens * headDim);
    return { name, data, tensor: new ort.Tensor("float32", data, shape) };
  });
  const feeds = Object.fromEntries(past.map(({ name, tensor }) => [`past.${name}`, tensor]));
  const ints = (values: readonly number[], dims: readonly number[]): Tensor =>
    new ort.Tensor("int32", Int32Array.from(values), dims);
  return async (prompt) => {
    const source = await encoder.run({
      source_ids: ints(prompt, [1, prompt.length]),
      source_lengths: ints([prompt.length], [1]),
    });
    const tokens: number[] = [];
    for (let token = job.start; tokens.length < job.tokens; tokens.push(token)) {
      const at = tokens.length;
      const step = { target_ids: ints([token], [1, 1]), past_length: ints([at], [1]) };
      const outputs = await decoder.run({ ...source, ...feeds, ...step });
      for (const { name, data } of past) {
        const present = outputs[`present.${name}`]!.data as Float32Array;
        for (let head = 0; head < kvHeads; head += 1) {
          const row = present.subarray(head * headDim, (head + 1) * headDim);
          data.set(row, (head * job.tokens + at) * headDim);
        }
      }
      token = largest(outputs["logits"]!.data as Float32Array);
      if (token === job.end) break;
    }
    return tokens;
  };
}

function largest(values: Float32Array): number {
  let best = 0;
  for (let at = 1; at < values.length; at += 1) if (values[at]! > values[best]!) best = at;
  return best;
}

async function ofTransformers(): Promise<Answer> {
  const { AutoModelForSeq2SeqLM, Tensor, env } = await import("@huggingface/transformers");
  env.allowRemoteModels = false;
  env.localModelPath = dirname(job.model);
  const name = basename(job.model);
  const model = await AutoModelForSeq2SeqLM.from_pretrained(name, {
    dtype: name.endsWith("int8") ? "q8" : "fp32",
    session_options: { intraOpNumThreads: job.threads, interOpNumThreads: 1, executionMode: "sequential" },
  });
  const limits = { max_new_tokens: job.tokens, do_sample: false, num_beams: 1 };
  return async (prompt) => {
    const dims = [1, prompt.length];
    const inputs = new Tensor("int64", BigInt64Array.from(prompt, BigInt), dims);
    const mask = new Tensor("int64", new BigInt64Array(prompt.length).fill(1n), dims);
    const request: object = { inputs, attention_mask: mask, ...limits };
    const output = await model.generate(request as Parameters<typeof model.generate>[0]);
    if (!(output instanceof Tensor)) throw new Error("transformers.js did not return a tensor of tokens");
    const [tokens = []] = output.tolist() as (number | bigint)[][];
    return tokens
      .slice(1)
      .map(Number)
      .filter((token) => token !== job.end);
  };
}

const openers: Readonly<Record<string, () => Promise<Answer>>> = {
  wasm: ofWasm,
  slm: ofSlm,
  node: ofNode,
  web: ofWeb,
  transformers: ofTransformers,
};
const answer = await openers[kind!]!();
for await (const line of createInterface({ input: process.stdin })) {
  const answers: (readonly number[])[] = [];
  for (let pass = 0; pass < Number(line); pass += 1) {
    answers.length = 0;
    for (const [at, prompt] of job.prompts.entries()) answers.push(await answer(prompt, at));
  }
  process.stdout.write(`${JSON.stringify(answers)}\n`);
}
process.exit(0); // onnxruntime-web's threads keep the process.
