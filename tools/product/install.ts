/**
 * Tests the published package: publishes it to a registry on this machine, installs it in an empty directory without install scripts, then
 * runs a shortened quick start, plug-ins, `slm init`, a TypeScript program that uses the library, and a page.
 *
 *   npm run e2e:install            builds the package first
 */
import { spawnSync } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, printEnd, skip, step } from "../lib/steps.js";
import { answerInBrowser } from "./page.js";
import { findQualcommWheel, tryBrokenPlugins, tryCompiler, type Commands, type Doctor } from "./plugins.js";
import { npmSettings, PRODUCT, startRegistry, toolModules } from "./registries.js";

const repository = join(import.meta.dirname, "..", "..");
/** Programs of users. */
const programs = join(repository, "tools", "install");
const NAME = "@encdec/slm";
/** Size limit of an installation, with ONNX Runtime for all platforms [MiB]. */
const LARGEST_MIB = 370;
const PROMPT = "constantinople";
/** Enough steps to run every stage. The gate is wider, because an undertrained model is noisier. */
const SETTINGS = [
  "data.limit=2000",
  "distill.steps=30",
  "distill.evaluateEvery=30",
  "distill.evaluateRows=50",
  "quantize.gate.maxDrop=1",
  "bench.runs=2",
];
const STRICT = { strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true };
const NODENEXT = { ...STRICT, skipLibCheck: false, module: "nodenext", target: "es2022" };

interface Named {
  readonly name: string;
}
interface Answer {
  readonly text: string;
}
interface Stages {
  readonly stages: readonly (Named & { readonly status: string; readonly seconds: number })[];
}

const root = await mkdtemp(join(tmpdir(), "slm-install-"));
const project = join(root, "project");
const recipe = join("node_modules", NAME, "configs", "quickstart", "recipe.yaml");
/** A separate folder for plug-ins, so that the user's plug-ins are not used. */
const env = { ...process.env, SLM_PLUGINS: join(root, "plugins"), npm_config_loglevel: "error" };

/** Runs a program that must succeed. Its standard error is printed only if it fails. */
function run(program: string, argv: readonly string[], { cwd = project, more = {} } = {}): string {
  const { status, stdout, stderr, error } = spawnSync(program, argv, {
    cwd,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...env, ...more },
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) throw new Error(`${program} ${argv.join(" ")}\n${stdout}${stderr}`, { cause: error });
  return stdout;
}

const npm = (...argv: string[]): string =>
  run("npm", [...argv, "--ignore-scripts", "--no-audit", "--no-fund"]);
const readJson = async (path: string): Promise<unknown> => JSON.parse(await readFile(path, "utf8"));

/** Runs the installed command. With `--no-install`, nothing is downloaded even if it is missing. */
const SLM = ["--no-install", "slm"];
const commands: Commands = {
  slm: (...argv) => run("npx", [...SLM, ...argv]),
  slmJson: (...argv) => (JSON.parse(commands.slm(...argv, "--json")) as { readonly result: unknown }).result,
  slmError: (...argv) => {
    const options = { cwd: project, env, encoding: "utf8" } as const;
    const { status, stdout } = spawnSync("npx", [...SLM, ...argv, "--json"], options);
    const { error } = JSON.parse(stdout) as { readonly error: ReturnType<Commands["slmError"]>["error"] };
    return { exit: status, error };
  },
};
const { slm, slmJson, slmError } = commands;

/** The shortest of five runs. */
function quickest(...argv: string[]): string {
  const bin = join(project, "node_modules", NAME, "bin", "run.js");
  const times = Array.from({ length: 5 }, () => {
    const start = performance.now();
    run(process.execPath, [bin, ...argv]);
    return performance.now() - start;
  });
  return `${(Math.min(...times) / 1000).toFixed(2)} s`;
}

/** Compiles programs of `tools/install`. */
async function compile(name: string, compilerOptions: object, files: readonly string[]): Promise<void> {
  for (const file of files) await cp(join(programs, file), join(project, file));
  const config = join(project, `tsconfig.${name}.json`);
  await writeFile(config, JSON.stringify({ compilerOptions, files }));
  run("npx", ["--no-install", "tsc", "-p", config]);
}

async function publishAndInstall(): Promise<void> {
  await mkdir(project);
  const modules = await toolModules();
  let tarball = "";
  await step("pack", () => {
    const argv = ["pack", "--json", "--ignore-scripts", "--pack-destination", root];
    const [packed] = JSON.parse(run("npm", argv, { cwd: PRODUCT })) as [
      { readonly filename: string; readonly size: number; readonly entryCount: number },
    ];
    tarball = join(root, packed.filename);
    return `${(packed.size / 2 ** 20).toFixed(1)} MiB packed, ${packed.entryCount} files`;
  });
  await step("publint", () => {
    run(process.execPath, [join(modules, "publint/src/cli.js"), "run", tarball, "--strict"]);
  });
  await step("are the types wrong", () => {
    // The library is an ES module; `require` and resolution as before Node 16 are not supported.
    const program = join(modules, "@arethetypeswrong/cli/dist/index.js");
    run(process.execPath, [program, tarball, "--profile", "esm-only"]);
  });
  await step("publish to a registry on this machine", async () => {
    await writeFile(join(project, ".npmrc"), npmSettings(registry));
    npm("publish", tarball, "--userconfig", join(project, ".npmrc"));
  });
  await step("npm install in an empty directory", async () => {
    await writeFile(join(project, "package.json"), JSON.stringify({ private: true, type: "module" }));
    npm("install", NAME);
    const installed = await readdir(join(project, "node_modules", ".bin"));
    expect(installed.includes("slm"), "no slm in node_modules/.bin");
    const folders = await readdir(join(project, "node_modules", "@encdec"));
    expect(folders.join() === "slm", `@encdec contains ${folders.join()}`);
  });
}

async function installation(): Promise<void> {
  const sizeOf = (path: string): string => run("du", ["-sm", path]).split("\t")[0]!;
  await step("installed size", () => {
    const mib = Number(sizeOf("node_modules"));
    const parts = ["onnxruntime-node", NAME].map((name) => `${name} ${sizeOf(`node_modules/${name}`)}`);
    const said = `${mib} MiB, including ${parts.join(", ")}`;
    expect(mib <= LARGEST_MIB, `${said}; expected at most ${LARGEST_MIB}`);
    return said;
  });
  await step("the bill of materials lists everything that is installed", async () => {
    const modules = join(project, "node_modules");
    const bill = (await readJson(join(modules, NAME, "sbom.cdx.json"))) as { readonly components: Named[] };
    const lock = (await readJson(join(modules, ".package-lock.json"))) as { readonly packages: object };
    const listed = new Set(bill.components.map(({ name }) => name));
    const installed = Object.keys(lock.packages).map((path) => path.split("node_modules/").at(-1)!);
    const missing = installed.filter((name) => name !== NAME && !listed.has(name));
    expect(missing.length === 0, `not in sbom.cdx.json: ${missing.join(", ")}`);
    const notices = await readFile(join(modules, NAME, "THIRD-PARTY-LICENSES"), "utf8");
    expect(notices.includes("LGPL-3.0-or-later"), "no notice of libvips");
    return `${listed.size} components, ${installed.length} packages installed`;
  });
}

async function firstCommands(): Promise<void> {
  await step("slm --help, the quickest of five", () => {
    expect(slm("--help").includes("USAGE"), "no help");
    return quickest("--help");
  });
  await step("slm try, the quickest of five", () => {
    const { students } = slmJson("try") as {
      readonly students: readonly (Named & { readonly example: string })[];
    };
    for (const { name, example } of students)
      expect((slmJson("try", name, example) as Answer).text !== "", `${name} has no answer`);
    expect(slm("try", "dates", "the 3rd of May '07").trim() === "2007-05-03", "another date");
    return quickest("try", "g2p", PROMPT);
  });
  await step("slm doctor", () => {
    const { engines, providers, plugins } = slmJson("doctor") as Doctor;
    const available = [...engines, ...providers].filter((row) => row.available).map(({ name }) => name);
    for (const name of ["onnx", "js", "cpu"]) expect(available.includes(name), `${name} is not available`);
    const isAbsent = plugins.absent.some(({ name }) => name === "qnn");
    expect(plugins.installed.length === 0 && isAbsent, `plug-ins: ${JSON.stringify(plugins)}`);
  });
}

/** The shortened quick start, and commands on its model. @returns its answer */
async function quickStart(): Promise<string> {
  await step("the quick start, shortened, without the image library", async () => {
    const [sharp, aside] = [join(project, "node_modules", "sharp"), join(root, "sharp")];
    await rename(sharp, aside);
    const sets = SETTINGS.flatMap((setting) => ["--set", setting]);
    const { stages } = slmJson("run", recipe, "--out", "run", ...sets) as Stages;
    const isWhole = stages.at(-1)?.name === "deploy" && stages.every(({ status }) => status === "ran");
    expect(isWhole, "a stage is missing");
    slm("verify", "run/deploy");
    await rename(aside, sharp);
    return stages.map(({ name, seconds }) => `${name} ${seconds.toFixed(0)} s`).join(", ");
  });
  let text = "";
  await step("slm generate", () => {
    ({ text } = slmJson("generate", "run/deploy", "--prompt", PROMPT) as Answer);
    return text;
  });
  await step("slm export --target c", () => {
    const argv = ["export", "run/distill", "--target", "c", "-o", "c"];
    const { parity } = slmJson(...argv) as { readonly parity: { readonly maxAbs: number } };
    return `logits differ by at most ${parity.maxAbs}`;
  });
  await step("slm init, and the plan of its recipe", () => {
    const file = slm("init", "--name", "mine", "--data", "run/data/train.jsonl", "--yes").trim();
    expect(file === "mine.yaml", `expected the file mine.yaml, got ${file}`);
    // All rows were in the training split and stay there, because the source decides; only a larger fraction yields dev rows.
    const argv = ["run", "mine.yaml", "--dry-run", "--set", "data.devFraction=0.5"];
    const { stages } = slmJson(...argv) as Stages;
    expect(stages.at(-1)?.name === "deploy", "the plan has no stage deploy");
  });
  await step("a page, an npm package and a benchmark in separate processes", () => {
    slm("deploy", "run/deploy", "--to", "web", "-o", "site");
    slm("deploy", "run/deploy", "--to", "npm", "-o", "model.tgz", "--name", "my-model");
    slmJson("bench", "run/deploy", "--prompt", PROMPT, "--runs", "2");
  });
  return text;
}

async function plugins(): Promise<void> {
  const forNpu = { model: "npu", prompt: PROMPT };
  await step("plug-ins with libraries that cannot be loaded", () => {
    slm("export", "run/distill", "--target", "npu", "--profile", "qnn", "--buckets", "32", "-o", "npu");
    const binding = createRequire(join(project, "package.json")).resolve("onnxruntime-node/package.json");
    const platform = join("bin", "napi-v6", process.platform, process.arch);
    const library = join(dirname(binding), platform, "onnxruntime_binding.node");
    return tryBrokenPlugins(commands, { ...forNpu, folder: join(root, "broken"), library });
  });
  const wheel = await findQualcommWheel();
  const name = "Qualcomm's compiler and simulator";
  if (wheel === undefined) skip(name, "this machine's cache contains no wheel of onnxruntime-qnn");
  else await step(name, () => tryCompiler(commands, { ...forNpu, wheel }));
}

/** Programs that use the library, and the page. @param text the answer of `slm generate` */
async function library(text: string): Promise<void> {
  await step("a TypeScript program, compiled in strict mode", async () => {
    const { devDependencies } = (await readJson(join(repository, "package.json"))) as {
      readonly devDependencies: Readonly<Record<string, string>>;
    };
    const names = ["typescript", "@types/node"].map((name) => `${name}@${devDependencies[name]}`);
    npm("install", "--save-dev", ...names);
    await compile("program", { ...NODENEXT, types: ["node"] }, ["program.ts"]);
    const browser = { ...NODENEXT, types: [], lib: ["es2022", "dom"], noEmit: true };
    await compile("browser", browser, ["browser.ts"]);
  });
  await step("the same program, run", () => {
    const more = { SETTINGS: SETTINGS.join(" ") };
    const said = run(process.execPath, ["program.js", recipe, "run", PROMPT], { more });
    const answer = JSON.parse(said) as Answer;
    expect(answer.text === text, `the library returns ${said}, the command ${text}`);
  });
  await step("extensions in TypeScript: a metric, a tracker, an importer, a loss, a labeller", async () => {
    const names = ["metric", "tracker", "importer", "loss", "labeller"];
    const files = names.map((name) => `extension-${name}.ts`);
    const options = { strict: true, module: "nodenext", target: "es2022", types: ["node"], noEmit: true };
    await compile("extensions", options, files);
    const imports = names.map((name) => `import ${name} from "./extension-${name}.ts";\n`).join("");
    await writeFile(join(project, "slm.config.ts"), `${imports}export default [${names.join(", ")}];\n`);
    await writeFile(join(project, "bad.model.json"), "{}");
    const rows = ["--data", "run/data/dev.jsonl", "--metrics", "sameStart"];
    const { metrics } = slmJson("eval", "run/deploy", ...rows) as {
      readonly metrics: { readonly sameStart: number };
    };
    expect(metrics.sameStart >= 0, "the metric of the extension was not computed");
    slm("report", "run", "--track", "csv=runs.csv");
    const tracked = await readFile(join(project, "runs.csv"), "utf8");
    expect(tracked.includes(",30,"), "the tracker did not write a line");
    const { message } = slmError("teacher", "import", "bad.model.json", "-o", "imported").error;
    expect(
      message.includes("expected config, tensors and tokenizer"),
      `the importer failed with: ${message}`,
    );
    await rm(join(project, "slm.config.ts"));
  });
  await step("the entry for browsers, in a page", async () => {
    const answer = await answerInBrowser(project, PROMPT);
    const isRight = answer.streamed === answer.text && answer.text !== "";
    expect(isRight, `the page returns ${JSON.stringify(answer)}`);
    return answer.text;
  });
}

const registry = await startRegistry(root);
try {
  await publishAndInstall();
  await installation();
  await firstCommands();
  const text = await quickStart();
  await plugins();
  await library(text);
  printEnd();
} finally {
  await registry.close();
  await rm(root, { recursive: true, force: true });
}
