/**
 * Compares slm's C and WebAssembly with other runtimes. All of them read the same weights and answer the same ids.
 *
 *   npm run build && npx jiti tools/bench/peers.ts 0.6M 3M 20M 60M 331M small 9.5M runs/quickstart [key=value ...]
 *
 * 0.6M to 331M: random T5s. small, 9.5M or a .yaml file with a shape: random students of slm, which only the runtimes for its exports can
 * read. A directory: a run, whose test words are answered. Models and programs are made once in ~/.cache/slm-peers
 * (or SLM_PEERS): PyTorch needs 7 GB, 331M another 6 GB, and llama.cpp is compiled.
 *
 * Keys: rounds=5; source=30 and answer=26 (tokens, for models with random weights); passMs=250 (a pass repeats its prompts for about this
 * time); slowMs=10000 (a contender gets about this time in all its rounds, so that slow ones have fewer); starts=3; only= (such as
 * c,wasm,web). In a round, all contenders take turns. Prints Markdown tables: the least CPU time of an answer on one thread, the least time
 * on two, bytes, start and memory; which contenders did not answer with the tokens of transformers (of onnxruntime-node for students); and
 * which were left out, with the reason.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { row } from "../lib/markdown.mjs";
import { settingsOf } from "../lib/settings.mjs";
import { contendersFor, type Contender, type LeftOut } from "./peers/contenders.js";
import { peerModel, type PeerModel } from "./peers/models.js";
import { PeerProcess, type Pass } from "./peers/process.js";

/** A contender with a number of threads, and its figures so far: the least of all rounds. */
interface Entry {
  readonly contender: Contender;
  readonly process: PeerProcess;
  readonly passes: number;
  /** Rounds in which it takes part. */
  readonly rounds: number;
  readonly answers: Pass["answers"];
  cpuMs: number;
  wallMs: number;
}

/** Figures of a contender for a model. */
type Figures = Readonly<Record<string, string>>;

interface Result {
  readonly figures: ReadonlyMap<string, Figures>;
  readonly leftOut: readonly LeftOut[];
}

/** Pause before a pass, so that threads of the one before stop spinning [ms]. */
const SETTLE_MS = 50;

const isSetting = (argument: string): boolean => argument.includes("=");
const names = process.argv.slice(2).filter((argument) => !isSetting(argument));
const options = settingsOf(
  { rounds: 5, source: 30, answer: 26, passMs: 250, slowMs: 10_000, starts: 3, only: "" },
  process.argv.slice(2).filter(isSetting),
);
if (names.length === 0)
  throw new Error(
    "usage: tools/bench/peers.ts 0.6M|3M|20M|60M|331M|small|9.5M|SHAPE.yaml|RUN ... [key=value ...]",
  );
const jobs = await mkdtemp(join(tmpdir(), "slm-runtimes-"));

/** Starts a contender and lets it answer until its code is compiled and its caches are warm; a slow one once. */
async function opened(contender: Contender, threads: number, { name, prompts }: PeerModel): Promise<Entry> {
  const at = join(jobs, `${name}-${contender.name}-${threads}`);
  const process = new PeerProcess(contender.command(prompts, threads, at));
  let { wallMs, answers } = await process.pass(1);
  const isSlow = wallMs > options.slowMs;
  if (!isSlow) ({ wallMs, answers } = await process.pass(1));
  const passes = Math.max(1, Math.round(options.passMs / wallMs));
  if (!isSlow) await process.pass(passes);
  const affordable = Math.max(1, Math.floor(options.slowMs / (passes * wallMs)));
  const rounds = Math.min(options.rounds, affordable);
  return { contender, process, passes, rounds, answers, cpuMs: Infinity, wallMs: Infinity };
}

/** From the start of a process to its first answer [ms]; the least of several, since the first one reads its files from the disk. */
async function startMs(contender: Contender, { name, prompts }: PeerModel): Promise<number> {
  const command = contender.command(prompts.slice(0, 1), 1, join(jobs, `${name}-${contender.name}-start`));
  let least = Infinity;
  for (let at = 0; at < options.starts; at += 1) {
    const start = performance.now();
    const process = new PeerProcess(command);
    await process.pass(1);
    least = Math.min(least, performance.now() - start);
    process.close();
  }
  return least;
}

/** Lets contenders take turns, with one number of threads. A program that crashes or never answers is left out. */
async function compare(
  model: PeerModel,
  contenders: readonly Contender[],
  threads: number,
): Promise<{ readonly entries: readonly Entry[]; readonly leftOut: readonly LeftOut[] }> {
  const entries: Entry[] = [];
  const leftOut: LeftOut[] = [];
  for (const contender of contenders.filter((one) => one.threads.includes(threads)))
    try {
      entries.push(await opened(contender, threads, model));
    } catch (error) {
      leftOut.push({ name: `${contender.name}, threads: ${threads}`, reason: (error as Error).message });
    }
  for (let round = 0; round < options.rounds; round += 1)
    for (const entry of entries.filter(({ rounds }) => round < rounds)) {
      await sleep(SETTLE_MS);
      const { cpuMs, wallMs } = await entry.process.pass(entry.passes);
      const count = entry.passes * model.prompts.length;
      entry.cpuMs = Math.min(entry.cpuMs, cpuMs / count);
      entry.wallMs = Math.min(entry.wallMs, wallMs / count);
    }
  return { entries, leftOut };
}

const megabytes = (bytes: number): string => (bytes / 1e6).toPrecision(3);

async function measure(model: PeerModel): Promise<Result> {
  const { contenders, leftOut } = contendersFor(model, options.only === "" ? [] : options.only.split(","));
  const alone = await compare(model, contenders, 1);
  const inExactly = alone.entries.find(({ contender }) => contender.name === "onnxruntime-node, float32");
  const expected = model.expected ?? inExactly?.answers;
  const figures = new Map<string, Figures>();
  for (const { contender, process, rounds, answers, cpuMs, wallMs } of alone.entries) {
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
      "fewer rounds": rounds < options.rounds ? String(rounds) : "",
    });
  }
  const together = await compare(model, contenders, 2);
  for (const { contender, process, wallMs } of together.entries) {
    process.close();
    const all = { ...figures.get(contender.name), "time, 2 threads [ms]": wallMs.toPrecision(3) };
    figures.set(contender.name, all);
  }
  return { figures, leftOut: [...leftOut, ...alone.leftOut, ...together.leftOut] };
}

/** Markdown tables, one for each figure: a row for each contender, a column for each model. */
function tables(results: ReadonlyMap<string, Result>): string {
  const all = [...results.values()].map(({ figures }) => figures);
  const names = new Set(all.flatMap((figures) => [...figures.keys()]));
  const kinds = new Set(all.flatMap((figures) => [...figures.values()].flatMap(Object.keys)));
  return [...kinds]
    .map((kind) => {
      const rows = [...names].map((name) => [name, ...all.map((figures) => figures.get(name)?.[kind] ?? "")]);
      const head = [row([kind, ...results.keys()]), row(["---", ...all.map(() => "---:")])];
      return [...head, ...rows.filter(([, ...cells]) => cells.some((cell) => cell !== "")).map(row)].join(
        "\n",
      );
    })
    .join("\n\n");
}

try {
  const models: PeerModel[] = [];
  for (const name of names) models.push(await peerModel(name, options));
  process.stdout.write(
    `${cpus()[0]?.model.trim()}, load ${loadavg()[0]?.toFixed(2)}, Node ${process.version}\n\n`,
  );
  const results = new Map<string, Result>();
  for (const model of models) results.set(model.name, await measure(model));
  process.stdout.write(`${tables(results)}\n`);
  for (const [name, { leftOut }] of results)
    for (const reason of new Set(leftOut.map((one) => one.reason))) {
      const without = leftOut.filter((one) => one.reason === reason).map((one) => one.name);
      process.stdout.write(`\n- ${name} without ${without.join("; ")}: ${reason}\n`);
    }
} finally {
  await rm(jobs, { recursive: true, force: true });
}
process.exit(0);
