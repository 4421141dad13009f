/**
 * Plug-ins of the installed package: ONNX Runtime's C interface in a process of its own. Qualcomm's compiler is tried where its package
 * lies in the cache of this machine; it is not downloaded, since its licence asks for consent (`npm run e2e:npu`).
 */
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { USER_CACHE } from "../lib/user-cache.mjs";

/**
 * What the steps of the test call: `slm` gives standard output, `slmJson` the result, `slmError` the exit code and the error of a command
 * that must fail.
 *
 * @typedef {object} Commands
 * @property {(...argv: string[]) => string} slm
 * @property {(...argv: string[]) => ReturnType<typeof JSON.parse>} slmJson
 * @property {(...argv: string[]) => { exit: number | null, error: { code: string, message: string } }} slmError
 */

/** Exit code of DEVICE_UNAVAILABLE (`docs/reference/commands.md`). */
const DEVICE_UNAVAILABLE = 69;
const CHIP = "sm8650";

/**
 * Libraries that cannot be loaded, made from one of this machine's that is no plug-in, so that `slm device add` takes them for libraries
 * of this platform: all of it, and its beginning. Linux ends a process that loads the latter by SIGBUS.
 */
const BROKEN = { whole: Infinity, truncated: 4096 };

/**
 * A library that cannot be loaded ends a command with DEVICE_UNAVAILABLE, and is named by `slm doctor`. The message about the whole one
 * is ONNX Runtime's: so koffi, the child's program and the library of onnxruntime-node were found in the installed package.
 *
 * @param model an export for `npu:qnn`. @param library a library of this machine
 */
export async function tryBrokenPlugins(
  /** @type {Commands} */ { slm, slmJson, slmError },
  /** @type {{ folder: string; library: string; model: string; prompt: string; expect: (condition: boolean, message: string) => void; }} */ {
    folder,
    library,
    model,
    prompt,
    expect,
  },
) {
  const bytes = await readFile(library);
  const said = [];
  for (const [name, length] of Object.entries(BROKEN)) {
    const place = join(folder, name);
    await mkdir(place, { recursive: true });
    await writeFile(join(place, "broken.so"), bytes.subarray(0, length));
    const about = ["--as", name, "--library", "broken.so", "--register", "BrokenExecutionProvider"];
    slm("device", "add", place, ...about, "--version", "1", "--serves", "npu:qnn", "--yes");
    const listed = slmJson("doctor", "--check").plugins.installed;
    expect(listed.length === 1 && listed[0].state === "ok", `doctor: ${JSON.stringify(listed)}`);
    const { exit, error } = slmError("generate", model, "--prompt", prompt, "--device", "npu:qnn");
    const isRight = exit === DEVICE_UNAVAILABLE && error.code === "DEVICE_UNAVAILABLE";
    expect(isRight, `exit code ${exit}, ${JSON.stringify(error)}`);
    said.push(error.message.split("\n")[0]);
    const { providers, plugins } = slmJson("doctor");
    expect(!plugins.installed[0].available, `doctor: ${JSON.stringify(plugins.installed)}`);
    const row = providers.find((/** @type {{ device: string }} */ { device }) => device === "npu:qnn");
    expect(!row.available && row.reason.startsWith(`plug-in ${name} 1: `), `doctor: ${row.reason}`);
    slm("device", "remove", name);
  }
  const [first = ""] = said;
  expect(first.includes("cannot load the plug-in"), first);
  return said.join("; ");
}

/** Qualcomm's wheel in the cache of this machine; undefined where there is none, or no simulator for this platform. */
export async function findQualcommWheel() {
  if (process.platform !== "linux" || process.arch !== "x64") return undefined;
  const folder = join(USER_CACHE, "packages");
  const names = await readdir(folder).catch(() => []);
  const name = names.find((entry) => /^onnxruntime_qnn-.*_x86_64\.whl$/.test(entry));
  return name === undefined ? undefined : join(folder, name);
}

/** Adds Qualcomm's plug-in, compiles a model ahead of time and lets the simulator answer with what was compiled. */
export function tryCompiler(
  /** @type {Pick<Commands, "slm" | "slmJson">} */ { slm, slmJson },
  /** @type {{ wheel: string; model: string; prompt: string; expect: (condition: boolean, message: string) => void; }} */ {
    wheel,
    model,
    prompt,
    expect,
  },
) {
  slm("device", "add", wheel, "--yes");
  const row = slmJson("doctor").providers.find(
    (/** @type {{ device: string }} */ { device }) => device === "npu:qnn",
  );
  expect(row.available && row.reason.startsWith("plug-in qnn "), `doctor: ${JSON.stringify(row)}`);
  const { chips, plugin, artifact } = slmJson("compile", model, "--soc", CHIP, "-o", "compiled");
  expect(chips.length === 1 && chips[0].soc === CHIP, `compiled for ${JSON.stringify(chips)}`);
  slm("verify", artifact);
  const { text, device } = slmJson("generate", artifact, "--prompt", prompt, "--no-fallback");
  expect(device.simulated && device.description.includes(CHIP), `computed on ${JSON.stringify(device)}`);
  return `plug-in ${plugin}, ${chips[0].graphs.length} graphs for ${CHIP}; simulated answer: ${text}`;
}
