/**
 * Tests the published package: publishes it to a registry on this machine, installs it in an empty directory without install scripts, then
 * runs a shortened quick start, plug-ins, `slm init`, a TypeScript program that uses the library, and a page.
 *
 *   npm run e2e:install            builds the package first
 */
import { execFileSync, spawnSync } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { answerInBrowser } from "./page.mjs";
import { debianProgram } from "../lib/debian-program.mjs";
import { npmSettings, startRegistry, toolModules } from "./environment.mjs";
import { findQualcommWheel, tryBrokenPlugins, tryCompiler } from "./plugins.mjs";

const here = import.meta.dirname;
const repository = join(here, "..", "..");
const product = join(repository, "dist-package");
const NAME = "@encdec/slm";
/** Size limit of an installation, with ONNX Runtime for all platforms [MiB]. */
const LARGEST_MIB = 370;
const PROMPT = "constantinople";
const NO_WHEEL = "not tested: this machine's cache contains no wheel of onnxruntime-qnn";
/** Enough steps to run every stage. The gate is wider, because an undertrained model is noisier. */
const SETTINGS = [
  ...["data.limit=2000", "distill.steps=30", "distill.evaluateEvery=30", "distill.evaluateRows=50"],
  ...["quantize.gate.maxDrop=1", "bench.runs=2"],
];

const root = await mkdtemp(join(tmpdir(), "slm-install-"));
const project = join(root, "project");
/** @type {{ close: () => Promise<void> }[]} */
const registries = [];
/** A separate folder for plug-ins, so that the user's plug-ins are not used. */
const PLUGINS = { SLM_PLUGINS: join(root, "plugins") };

/** Runs one step and prints its time. */
async function step(
  /** @type {string} */ name,
  /** @type {() => string | void | Promise<string | void>} */ body,
) {
  const start = performance.now();
  const said = await body();
  const seconds = ((performance.now() - start) / 1000).toFixed(1).padStart(6);
  console.log(`${seconds} s  ${name}${said === undefined ? "" : `: ${said}`}`);
}

/** Runs a program that must succeed. Its standard error is printed only if it fails. */
function run(/** @type {string} */ program, /** @type {string[]} */ argv, { cwd = project, env = {} } = {}) {
  try {
    return execFileSync(program, argv, {
      cwd,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...PLUGINS, npm_config_loglevel: "error", ...env },
      encoding: "utf8",
    });
  } catch (error) {
    /** @type {Error & { stdout?: string, stderr?: string }} */
    const {
      stdout = "",
      message,
      stderr = message,
    } = error instanceof Error ? error : new Error(String(error));
    throw new Error(`${program} ${argv.join(" ")}\n${stdout}${stderr}`);
  }
}

/** Runs the installed command. With `--no-install`, nothing is downloaded even if it is missing. */
const SLM = ["--no-install", "slm"];
const slm = (/** @type {string[]} */ ...argv) => run("npx", [...SLM, ...argv]);
const slmJson = (/** @type {string[]} */ ...argv) => JSON.parse(slm(...argv, "--json")).result;

/** Runs a command that must fail. Returns its exit code and error. */
function slmError(/** @type {string[]} */ ...argv) {
  const { status, stdout } = spawnSync("npx", [...SLM, ...argv, "--json"], {
    cwd: project,
    env: { ...process.env, ...PLUGINS },
    encoding: "utf8",
  });
  return { exit: status, error: JSON.parse(stdout).error };
}

function expect(/** @type {boolean} */ condition, /** @type {string} */ message) {
  if (!condition) throw new Error(message);
}

try {
  await mkdir(project);
  const modules = await toolModules();
  const tool = (/** @type {string} */ path, /** @type {string[]} */ ...argv) =>
    run(process.execPath, [join(modules, path), ...argv]);
  let tarball = "";

  await step("pack", () => {
    const [{ filename, size, entryCount }] = JSON.parse(
      run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", root], { cwd: product }),
    );
    tarball = join(root, filename);
    return `${(size / 2 ** 20).toFixed(1)} MiB packed, ${entryCount} files`;
  });
  await step("publint", () => void tool("publint/src/cli.js", "run", tarball, "--strict"));
  await step("are the types wrong", () => {
    // The library is an ES module; `require` and resolution as before Node 16 are not supported.
    tool("@arethetypeswrong/cli/dist/index.js", tarball, "--profile", "esm-only");
  });
  await step("publish to a registry on this machine", async () => {
    const registry = await startRegistry(modules, root);
    registries.push(registry);
    await writeFile(join(project, ".npmrc"), npmSettings(registry));
    run("npm", ["publish", tarball, "--ignore-scripts", "--userconfig", join(project, ".npmrc")]);
  });
  await step("npm install in an empty directory", async () => {
    await writeFile(join(project, "package.json"), JSON.stringify({ private: true, type: "module" }));
    run("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", NAME]);
    const installed = await readdir(join(project, "node_modules", ".bin"));
    expect(installed.includes("slm"), "no slm in node_modules/.bin");
    const folders = await readdir(join(project, "node_modules", "@encdec"));
    expect(folders.join() === "slm", `@encdec contains ${folders.join()}`);
  });
  await step("installed size", () => {
    const sizes = run("du", ["-sm", "node_modules", "node_modules/onnxruntime-node", `node_modules/${NAME}`]);
    // GNU du counts a folder once: the parts must come first to be left out of the total's children.
    const mib = Number(run("du", ["-sm", "node_modules"]).split("\t")[0]);
    expect(mib <= LARGEST_MIB, `${mib} MiB installed, expected at most ${LARGEST_MIB}\n${sizes}`);
    const part = (/** @type {string} */ name) => run("du", ["-sm", `node_modules/${name}`]).split("\t")[0];
    return `${mib} MiB, including onnxruntime-node ${part("onnxruntime-node")}, ${NAME} ${part(NAME)}`;
  });
  await step("the bill of materials lists everything that is installed", async () => {
    const readJson = async (/** @type {string[]} */ ...path) =>
      JSON.parse(await readFile(join(project, "node_modules", ...path), "utf8"));
    const { components } = await readJson(NAME, "sbom.cdx.json");
    const { packages } = await readJson(".package-lock.json");
    const listed = new Set(
      components.map(
        (/** @type {{ name: string, status: string, seconds: number, available: boolean }} */ { name }) =>
          name,
      ),
    );
    const installed = Object.keys(packages).map((path) => path.split("node_modules/").at(-1));
    const missing = installed.filter((name) => name !== NAME && !listed.has(name));
    expect(missing.length === 0, `not in sbom.cdx.json: ${missing.join(", ")}`);
    const notices = await readFile(join(project, "node_modules", NAME, "THIRD-PARTY-LICENSES"), "utf8");
    expect(notices.includes("LGPL-3.0-or-later"), "no notice of libvips");
    return `${components.length} components, ${installed.length} packages installed`;
  });
  await step("slm --help, fastest of five", () => {
    const bin = join(project, "node_modules", NAME, "bin", "run.js");
    const times = Array.from({ length: 5 }, () => {
      const start = performance.now();
      expect(run(process.execPath, [bin, "--help"]).includes("USAGE"), "no help");
      return performance.now() - start;
    });
    return `${(Math.min(...times) / 1000).toFixed(2)} s`;
  });
  await step("slm try, the quickest of five", () => {
    const bin = join(project, "node_modules", NAME, "bin", "run.js");
    const { students } = slmJson("try");
    for (const { name, example } of students)
      expect(slmJson("try", name, example).text.length > 0, `${name} has no answer`);
    expect(slm("try", "dates", "the 3rd of May '07").trim() === "2007-05-03", "another date");
    const times = Array.from({ length: 5 }, () => {
      const start = performance.now();
      run(process.execPath, [bin, "try", "g2p", PROMPT]);
      return performance.now() - start;
    });
    return `${(Math.min(...times) / 1000).toFixed(2)} s`;
  });
  await step("slm doctor", () => {
    const { engines, providers, plugins } = slmJson("doctor");
    expect(
      engines.find(
        (/** @type {{ name: string, status: string, seconds: number, available: boolean }} */ { name }) =>
          name === "onnx",
      ).available,
      "no engine onnx",
    );
    expect(
      engines.find(
        (/** @type {{ name: string, status: string, seconds: number, available: boolean }} */ { name }) =>
          name === "js",
      ).available,
      "no engine js",
    );
    expect(
      providers.find(
        (/** @type {{ name: string, status: string, seconds: number, available: boolean }} */ { name }) =>
          name === "cpu",
      ).available,
      "no CPU",
    );
    const absent = plugins.absent.map(
      (/** @type {{ name: string, status: string, seconds: number, available: boolean }} */ { name }) => name,
    );
    expect(plugins.installed.length === 0 && absent.includes("qnn"), `plug-ins: ${JSON.stringify(plugins)}`);
  });
  const recipe = join("node_modules", NAME, "configs", "quickstart", "recipe.yaml");
  await step("the quick start, shortened, without the image library", async () => {
    const [sharp, aside] = [join(project, "node_modules", "sharp"), join(root, "sharp")];
    await rename(sharp, aside);
    const sets = SETTINGS.flatMap((setting) => ["--set", setting]);
    const { stages } = slmJson("run", recipe, "--out", "run", ...sets);
    expect(
      stages.at(-1).name === "deploy" &&
        stages.every(
          (/** @type {{ name: string, status: string, seconds: number, available: boolean }} */ { status }) =>
            status === "ran",
        ),
      "a stage is missing",
    );
    slm("verify", "run/deploy");
    await rename(aside, sharp);
    return stages
      .map(
        (
          /** @type {{ name: string, status: string, seconds: number, available: boolean }} */ {
            name,
            seconds,
          },
        ) => `${name} ${seconds.toFixed(0)} s`,
      )
      .join(", ");
  });
  let text = "";
  await step("slm generate", () => {
    ({ text } = slmJson("generate", "run/deploy", "--prompt", PROMPT));
    return text;
  });
  await step("slm export --target c", () => {
    const { parity } = slmJson("export", "run/distill", "--target", "c", "-o", "c");
    return `logits differ by at most ${parity.maxAbs}`;
  });
  const commands = { slm, slmJson, slmError };
  const forNpu = { model: "npu", prompt: PROMPT, expect };
  await step("plug-ins with libraries that cannot be loaded", () => {
    slm("export", "run/distill", "--target", "npu", "--profile", "qnn", "--buckets", "32", "-o", "npu");
    const binding = createRequire(join(project, "package.json")).resolve("onnxruntime-node/package.json");
    const platform = join("bin", "napi-v6", process.platform, process.arch);
    const library = join(dirname(binding), platform, "onnxruntime_binding.node");
    return tryBrokenPlugins(commands, { ...forNpu, folder: join(root, "broken"), library });
  });
  const wheel = await findQualcommWheel();
  await step("Qualcomm's compiler and simulator", () =>
    wheel === undefined ? NO_WHEEL : tryCompiler(commands, { ...forNpu, wheel }),
  );
  await step("slm init, and the plan of its recipe", () => {
    expect(
      slm("init", "--name", "mine", "--data", "run/data/train.jsonl", "--yes").trim() === "mine.yaml",
      "expected the file mine.yaml",
    );
    // All rows were in the training split and stay there, because the source decides; only a larger fraction yields dev rows.
    const { stages } = slmJson("run", "mine.yaml", "--dry-run", "--set", "data.devFraction=0.5");
    expect(stages.at(-1).name === "deploy", "the plan has no stage deploy");
  });
  await step("a page, an npm package and a benchmark in separate processes", () => {
    slm("deploy", "run/deploy", "--to", "web", "-o", "site");
    slm("deploy", "run/deploy", "--to", "npm", "-o", "model.tgz", "--name", "my-model");
    const { models } = slmJson("bench", "run/deploy", "--prompt", PROMPT, "--runs", "2");
    const names = models
      .map(
        (/** @type {{ name: string, status: string, seconds: number, available: boolean }} */ { name }) =>
          name,
      )
      .join("; ");
    // A model that runs in WebAssembly is compared with itself in ONNX Runtime.
    expect(names === "deploy; deploy, onnxruntime", `measured models: ${names}`);
  });
  await step("a TypeScript program, compiled in strict mode", async () => {
    const { devDependencies } = JSON.parse(await readFile(join(repository, "package.json"), "utf8"));
    const names = ["typescript", "@types/node"].map((name) => `${name}@${devDependencies[name]}`);
    run("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--save-dev", ...names]);
    const strict = { strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true };
    const common = { ...strict, skipLibCheck: false, module: "nodenext", target: "es2022" };
    const configs = {
      program: { ...common, types: ["node"] },
      browser: { ...common, types: [], lib: ["es2022", "dom"], noEmit: true },
    };
    for (const [name, compilerOptions] of Object.entries(configs)) {
      await cp(join(here, `${name}.ts`), join(project, `${name}.ts`));
      const config = join(project, `tsconfig.${name}.json`);
      await writeFile(config, JSON.stringify({ compilerOptions, files: [`${name}.ts`] }));
      run("npx", ["--no-install", "tsc", "-p", config]);
    }
  });
  await step("the same program, run", () => {
    const env = { SETTINGS: SETTINGS.join(" ") };
    const said = run(process.execPath, ["program.js", recipe, "run", PROMPT], { env });
    expect(JSON.parse(said).text === text, `the library returns ${said}, the command ${text}`);
  });
  await step("extensions in TypeScript: a metric, a tracker, an importer, a loss, a labeller", async () => {
    const names = ["metric", "tracker", "importer", "loss", "labeller"];
    for (const name of names)
      await cp(join(here, `extension-${name}.ts`), join(project, `extension-${name}.ts`));
    const config = join(project, "tsconfig.extensions.json");
    const files = names.map((name) => `extension-${name}.ts`);
    const compilerOptions = {
      strict: true,
      module: "nodenext",
      target: "es2022",
      types: ["node"],
      noEmit: true,
    };
    await writeFile(config, JSON.stringify({ compilerOptions, files }));
    run("npx", ["--no-install", "tsc", "-p", config]);
    const imports = names.map((name) => `import ${name} from "./extension-${name}.ts";\n`).join("");
    await writeFile(join(project, "slm.config.ts"), `${imports}export default [${names.join(", ")}];\n`);
    await writeFile(join(project, "bad.model.json"), "{}");
    const { metrics } = slmJson(
      "eval",
      "run/deploy",
      "--data",
      "run/data/dev.jsonl",
      "--metrics",
      "sameStart",
    );
    expect(metrics.sameStart >= 0, "the metric of the extension was not computed");
    slm("report", "run", "--track", "csv=runs.csv");
    expect(
      (await readFile(join(project, "runs.csv"), "utf8")).includes(",30,"),
      "the tracker did not write a line",
    );
    const { error } = slmError("teacher", "import", "bad.model.json", "-o", "imported");
    expect(
      error.message.includes("expected config, tensors and tokenizer"),
      `the importer failed with: ${error.message}`,
    );
    await rm(join(project, "slm.config.ts"));
  });
  await step("the entry for browsers, in a page", async () => {
    const request = {
      folder: project,
      site: "site",
      prompt: PROMPT,
      executablePath: debianProgram("chromium"),
    };
    const answer = await answerInBrowser(request);
    expect(
      answer.streamed === answer.text && answer.text !== "",
      `the page returns ${JSON.stringify(answer)}`,
    );
    return answer.text;
  });
  console.log(`all passed on Node ${process.version}`);
} finally {
  for (const registry of registries) await registry.close();
  await rm(root, { recursive: true, force: true });
}
