/** The first hour of a user on Windows: init, run, interrupt and resume; then generate, serve and deploy. */
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import OpenAI from "openai";
import type { Scene } from "./scene.js";
import { expect, skip, step, until } from "../lib/steps.js";
import { windowsPath, type Running } from "./wine.js";

/** Enough steps to run every stage, and to interrupt the longest. */
const SETTINGS = [
  "teacher.steps=20",
  "teacher.warmupSteps=5",
  "teacher.model.decoderLayers=1",
  "teacher.model.width=64",
  "distill.steps=100",
  "distill.warmupSteps=5",
  "distill.evaluateEvery=20",
  "quantize.gate.maxDrop=1",
  "quantize.gate.limit=0",
].flatMap((setting) => ["--set", setting]);
export const RUN = ["run", "mine.yaml", "--out", "run", "--skip", "bench", ...SETTINGS];
export const BUNDLE = String.raw`run\deploy`;
const PROMPTS = ["dora bought 7 red hats", "anna bought 3 grey hats", "hans bought 12 blue hats"];
/** Accepted difference of an answer's log-probability between two systems: the same kernels, compiled by two compilers. */
const TOLERANCE = 1e-3;

export interface Stages {
  readonly stages: readonly { readonly name: string; readonly status: string }[];
}

interface Generated {
  readonly generations: readonly { readonly text: string; readonly logProbability: number }[];
}

/** A CSV file as programs on Windows write it: CRLF, with a byte order mark. */
function writeRows(scene: Scene): void {
  const names = ["anna", "bob", "carl", "dora", "emil", "fritz", "gabi", "hans"];
  const colours = ["red", "green", "blue", "grey"];
  const rows = Array.from({ length: 400 }, (_, i) => {
    const [name, colour, count] = [names[i % 8]!, colours[(i >> 3) % 4]!, 1 + ((i >> 5) % 13)];
    return `"${name} bought ${count} ${colour} hats","${name}:${count}:${colour}"`;
  });
  writeFileSync(join(scene.folder, "rows.csv"), `\uFEFF${["text,label", ...rows].join("\r\n")}\r\n`);
}

/** Paths in a manifest, which must be the same on every system. */
function manifestPaths(scene: Scene): readonly string[] {
  const run = join(scene.folder, "run");
  return readdirSync(run).flatMap((stage) => {
    const text = readFileSync(join(run, stage, "manifest.json"), "utf8");
    const { inputs, outputs, settings } = JSON.parse(text) as {
      inputs: { name: string }[];
      outputs: { path: string }[];
      settings: unknown;
    };
    return [...inputs.map(({ name }) => name), ...outputs.map(({ path }) => path), JSON.stringify(settings)];
  });
}

const generate = (bundle: string) => [
  "generate",
  bundle,
  ...PROMPTS.flatMap((prompt) => ["--prompt", prompt]),
];

export async function firstHour(scene: Scene): Promise<void> {
  skip("slm.cmd as npm writes it", "the cmd of Wine 8 does not run it");
  await step("a command file, in cmd", async () => {
    writeFileSync(join(scene.folder, "plain.cmd"), `@node "${windowsPath(scene.program)}" %*\r\n`);
    const { exit, out, err } = await scene.wine.run("cmd", ["/c", "plain.cmd", "--version"], {
      cwd: scene.folder,
    });
    expect(exit === 0 && out.includes("win32-x64"), `exit ${exit}: ${out}${err}`);
    return out.trim();
  });
  await step("slm doctor", async () => {
    const { providers } = (await scene.slm(["doctor"])) as {
      providers: { device: string; available: boolean; reason: string }[];
    };
    const lines = providers.map(({ device, reason }) => `${device} ${reason}`);
    expect(providers.find(({ device }) => device === "cpu")?.available === true, lines.join("\n"));
    const directml = providers.find(({ device }) => device === "gpu:directml")?.reason ?? "";
    expect(directml.includes("Direct3D 12"), `gpu:directml: ${directml}`);
    return `gpu:directml ${directml}`;
  });
  await step("autocomplete for PowerShell", async () => {
    const { exit, out, err } = await scene.start(["autocomplete", "script", "powershell"]).ended;
    expect(exit === 0 && out.includes(".ps1"), `exit ${exit}: ${out}${err}`);
  });
  await step("slm init, from a CSV file with CRLF and a byte order mark", async () => {
    writeRows(scene);
    await scene.slm([
      "init",
      "--data",
      "rows.csv",
      "--source",
      "text",
      "--target",
      "label",
      "--name",
      "mine",
      "--yes",
    ]);
    const recipe = readFileSync(join(scene.folder, "mine.yaml"), "utf8");
    expect(!recipe.includes("\\"), `mine.yaml contains a backslash:\n${recipe}`);
  });
  await step("slm run, ended by TerminateProcess while it distils", async () => {
    const running = scene.start([...RUN, "--json"]);
    const log = join(scene.folder, "run", "distill.partial", "metrics.jsonl");
    const hasLine = (): boolean =>
      running.process.exitCode !== null || (existsSync(log) && readFileSync(log, "utf8").includes("\n"));
    await until("the first step of distill", hasLine);
    expect(running.process.exitCode === null, `slm run ended: ${running.said().out}${running.said().err}`);
    const holder = readFileSync(join(scene.folder, "run", "distill.lock.json"), "utf8");
    await scene.wine.terminate((JSON.parse(holder) as { pid: number }).pid);
    await running.ended;
    expect(!existsSync(join(scene.folder, "run", "distill")), "the stage is finished");
  });
  await step("slm run again, which resumes", async () => {
    const { stages } = (await scene.slm(RUN)) as unknown as Stages;
    const shown = stages.map(({ name, status }) => `${name} ${status}`).join(", ");
    expect(stages.find(({ name }) => name === "teacher")?.status !== "ran", `teacher ran again: ${shown}`);
    expect(stages.at(-1)?.name === "deploy", shown);
    return shown;
  });
  await step("slm verify, and no backslash in a manifest", async () => {
    await scene.slm(["verify", BUNDLE]);
    const wrong = manifestPaths(scene).filter((text) => text.includes("\\"));
    expect(wrong.length === 0, wrong.join("\n"));
  });
}

/** Starts a server. @returns it, and the address that it prints */
async function startServer(scene: Scene): Promise<{ readonly server: Running; readonly address: string }> {
  const server = scene.start(["serve", BUNDLE, "--port", "0"]);
  const address = (): string | undefined => /http:\/\/[\w.:]+/.exec(server.said().err)?.[0];
  await until("the address of the server", () => address() !== undefined || server.process.exitCode !== null);
  const found = address();
  expect(found !== undefined, `slm serve ended: ${server.said().err}`);
  return { server, address: found };
}

export async function answers(scene: Scene): Promise<void> {
  let texts: readonly string[] = [];
  for (const engine of ["wasm", "onnxruntime"])
    await step(`slm generate --engine ${engine} answers as on this machine`, async () => {
      const argv = ["--engine", engine];
      const windows = ((await scene.slm([...generate(BUNDLE), ...argv])) as unknown as Generated).generations;
      const host = (scene.host([...generate("run/deploy"), ...argv]) as unknown as Generated).generations;
      texts = windows.map(({ text }) => text);
      expect(texts.join() === host.map(({ text }) => text).join(), JSON.stringify({ windows, host }));
      const differences = windows.map(({ logProbability }, i) =>
        Math.abs(logProbability - host[i]!.logProbability),
      );
      const largest = Math.max(...differences);
      expect(largest <= TOLERANCE, `log-probabilities differ by ${largest}`);
      return `log-probabilities differ by at most ${largest.toExponential(1)}`;
    });
  await step("slm serve, with OpenAI's client from this machine", async () => {
    const { server, address } = await startServer(scene);
    try {
      const client = new OpenAI({ baseURL: `${address}/v1`, apiKey: "none", maxRetries: 0 });
      const { data } = await client.models.list();
      const { choices } = await client.completions.create({ model: data[0]!.id, prompt: PROMPTS[0]! });
      expect(
        choices[0]?.text === texts[0],
        `the server answers ${JSON.stringify(choices)}, generate ${texts[0]}`,
      );
    } finally {
      server.process.kill("SIGKILL");
      await server.ended;
    }
    return texts[0];
  });
}

export async function deployment(scene: Scene): Promise<void> {
  await step("slm deploy to a directory and to the web", async () => {
    for (const target of ["dir", "web"])
      await scene.slm(["deploy", BUNDLE, "--to", target, "-o", `to ${target}`]);
    expect(existsSync(join(scene.folder, "to web", "index.html")), "no index.html");
  });
  await step("the deployed model on this machine", () => {
    const { generations } = scene.host(generate("to dir")) as unknown as Generated;
    return generations[0]?.text;
  });
  await step("slm bench", async () => {
    await scene.slm(["bench", BUNDLE, "--prompt", PROMPTS[0]!, "--runs", "2"]);
  });
  await step("slm export --target c", async () => {
    const argv = ["export", String.raw`run\distill`, "--target", "c", "-o", "c"];
    const { parity } = (await scene.slm(argv)) as { parity?: { maxAbs: number } };
    return `logits differ by at most ${String(parity?.maxAbs)}`;
  });
}
