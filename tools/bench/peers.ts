/**
 * Compares slm's C and WebAssembly with other runtimes for small models. All of them read the same weights and answer the same ids.
 *
 *   npm run build && npx jiti tools/bench/peers.ts 0.6M 3M 20M small runs/quickstart [key=value ...]
 *
 * 0.6M, 3M, 20M, 60M: random T5s. small: a random student of slm, which only the runtimes for its exports can read. A directory: a run, whose test
 * words are answered. Models and programs are made once in ~/.cache/slm-peers (or SLM_PEERS): PyTorch needs 7 GB, llama.cpp is compiled.
 *
 * Keys: rounds=5, passMs=250 (a pass repeats its prompts for about this time), starts=3, only= (such as c,wasm,web). In a round, all contenders take
 * turns. Prints Markdown tables: the least CPU time of an answer on one thread, the least time on two, bytes, start and memory; and which
 * contenders did not answer with the tokens of transformers (of onnxruntime-node for students).
 */
import { mkdtemp, rm } from "node:fs/promises";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { row } from "../lib/markdown.mjs";
import { settingsOf } from "../lib/settings.mjs";
import { contendersFor, type Contender } from "./peers/contenders.js";
import { peerModel, type PeerModel } from "./peers/models.js";
import { PeerProcess, type Pass } from "./peers/process.js";

/** A contender with a number of threads, and its figures so far: the least of all rounds. */
interface Entry {
  readonly contender: Contender;
  readonly process: PeerProcess;
  readonly passes: number;
  readonly answers: Pass["answers"];
  cpuMs: number;
  wallMs: number;
}

/** Figures of a contender for a model. */
type Figures = Readonly<Record<string, string>>;

/** Pause before a pass, so that threads of the one before stop spinning [ms]. */
const SETTLE_MS = 50;

const isSetting = (argument: string): boolean => argument.includes("=");
const names = process.argv.slice(2).filter((argument) => !isSetting(argument));
const options = settingsOf(
  { rounds: 5, passMs: 250, starts: 3, only: "" },
  process.argv.slice(2).filter(isSetting),
);
if (names.length === 0)
  throw new Error("usage: tools/bench/peers.ts 0.6M|3M|20M|60M|small|RUN ... [key=value ...]");
const jobs = await mkdtemp(join(tmpdir(), "slm-runtimes-"));

/** Starts a contender and lets it answer until its code is compiled and its caches are warm. */
async function opened(contender: Contender, threads: number, { name, prompts }: PeerModel): Promise<Entry> {
  const at = join(jobs, `${name}-${contender.name}-${threads}`);
  const process = new PeerProcess(contender.name, contender.command(prompts, threads, at));
  await process.pass(1);
  const { wallMs, answers } = await process.pass(1);
  const passes = Math.max(1, Math.round(options.passMs / wallMs));
  await process.pass(passes);
  return { contender, process, passes, answers, cpuMs: Infinity, wallMs: Infinity };
}

/** From the start of a process to its first answer [ms]; the least of several, since the first one reads its files from the disk. */
async function startMs(contender: Contender, { name, prompts }: PeerModel): Promise<number> {
  const command = contender.command(prompts.slice(0, 1), 1, join(jobs, `${name}-${contender.name}-start`));
  let least = Infinity;
  for (let at = 0; at < options.starts; at += 1) {
    const start = performance.now();
    const process = new PeerProcess(contender.name, command);
    await process.pass(1);
    least = Math.min(least, performance.now() - start);
    process.close();
  }
  return least;
}

/** Lets contenders take turns, with one number of threads. A program that crashes is left out, with a message. */
async function compare(
  model: PeerModel,
  contenders: readonly Contender[],
  threads: number,
): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  for (const contender of contenders.filter((one) => one.threads.includes(threads)))
    try {
      entries.push(await opened(contender, threads, model));
    } catch (error) {
      process.stderr.write(`${model.name}, ${threads} threads: ${String(error)}\n`);
    }
  for (let round = 0; round < options.rounds; round += 1)
    for (const entry of entries) {
      await sleep(SETTLE_MS);
      const { cpuMs, wallMs } = await entry.process.pass(entry.passes);
      const count = entry.passes * model.prompts.length;
      entry.cpuMs = Math.min(entry.cpuMs, cpuMs / count);
      entry.wallMs = Math.min(entry.wallMs, wallMs / count);
    }
  return entries;
}

const megabytes = (bytes: number): string => (bytes / 1e6).toPrecision(3);

async function measure(model: PeerModel): Promise<ReadonlyMap<string, Figures>> {
  const contenders = contendersFor(model, options.only === "" ? [] : options.only.split(","));
  const alone = await compare(model, contenders, 1);
  const expected =
    model.expected ?? alone.find(({ contender }) => contender.name === "onnxruntime-node, float32")?.answers;
  const figures = new Map<string, Figures>();
  for (const { contender, process, answers, cpuMs, wallMs } of alone) {
    const memory = megabytes(process.peakBytes());
    process.close();
    const same = answers.filter((answer, at) => String(answer) === String(expected?.[at])).length;
    figures.set(contender.name, {
      "CPU time, 1 thread [ms]": cpuMs.toPrecision(3),
      "time, 1 thread [ms]": wallMs.toPrecision(3),
      "start to first answer [ms]": (await startMs(contender, model)).toFixed(0),
      "peak memory [MB]": memory,
      "weights [MB]": megabytes(contender.weightBytes),
      "code [MB]": megabytes(contender.codeBytes),
      "same answers": `${same} of ${answers.length}${contender.isExact && same < answers.length ? " (!)" : ""}`,
    });
  }
  for (const { contender, process, wallMs } of await compare(model, contenders, 2)) {
    process.close();
    const all = { ...figures.get(contender.name), "time, 2 threads [ms]": wallMs.toPrecision(3) };
    figures.set(contender.name, all);
  }
  return figures;
}

try {
  const results = new Map<string, ReadonlyMap<string, Figures>>();
  const models: PeerModel[] = [];
  for (const name of names) models.push(await peerModel(name));
  process.stdout.write(
    `${cpus()[0]?.model.trim()}, load ${loadavg()[0]?.toFixed(2)}, Node ${process.version}\n`,
  );
  for (const model of models) results.set(model.name, await measure(model));
  const rows = [...new Set([...results.values()].flatMap((result) => [...result.keys()]))];
  const kinds = [
    ...new Set([...results.values()].flatMap((result) => [...result.values()].flatMap(Object.keys))),
  ];
  for (const kind of kinds) {
    process.stdout.write(
      `\n${row([kind, ...results.keys()])}\n${row(["---", ...models.map(() => "---:")])}\n`,
    );
    for (const name of rows) {
      const cells = [...results.values()].map((result) => result.get(name)?.[kind] ?? "");
      if (cells.some((cell) => cell !== "")) process.stdout.write(`${row([name, ...cells])}\n`);
    }
  }
} finally {
  await rm(jobs, { recursive: true, force: true });
}
process.exit(0);
