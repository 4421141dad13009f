/**
 * Tests plug-ins with the installed package: ONNX Runtime's C API in a separate process. Qualcomm's compiler is tested if its package is in
 * this machine's cache. It is not downloaded, because its licence requires consent (`npm run e2e:npu`).
 */
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "../lib/steps.js";
import { USER_CACHE } from "../lib/user-cache.mjs";

/** Functions that run commands of the installed package. */
export interface Commands {
  /** @returns standard output */
  readonly slm: (...argv: string[]) => string;
  /** @returns the result */
  readonly slmJson: (...argv: string[]) => unknown;
  /** Runs a command that must fail. */
  readonly slmError: (...argv: string[]) => {
    readonly exit: number | null;
    readonly error: { readonly code: string; readonly message: string };
  };
}

/** The used part of the result of `slm doctor`. */
export interface Doctor {
  readonly engines: readonly { readonly name: string; readonly available: boolean }[];
  readonly providers: readonly {
    readonly name: string;
    readonly device: string;
    readonly available: boolean;
    readonly reason: string;
  }[];
  readonly plugins: {
    readonly installed: readonly { readonly state: string; readonly available: boolean }[];
    readonly absent: readonly { readonly name: string }[];
  };
}

/** Exit code of DEVICE_UNAVAILABLE (`docs/reference/commands.md`). */
const DEVICE_UNAVAILABLE = 69;
const CHIP = "sm8650";

/**
 * Makes two libraries that cannot be loaded as plug-ins but that `slm device add` accepts for this platform: a copy of another library, and
 * the first part of it. On Linux, loading the second one ends the process with SIGBUS.
 */
const BROKEN = { whole: Infinity, truncated: 4096 };

const npu = ({ providers }: Doctor) => providers.find(({ device }) => device === "npu:qnn")!;

/**
 * If a library cannot be loaded, a command must fail with DEVICE_UNAVAILABLE, and `slm doctor` must name the library. The message about the
 * first library comes from ONNX Runtime, which proves that koffi, the child's program and onnxruntime-node's library were found in the
 * installed package.
 *
 * @param model an export for `npu:qnn`
 * @param library a library on this machine
 */
export async function tryBrokenPlugins(
  { slm, slmJson, slmError }: Commands,
  { folder, library, model, prompt }: Readonly<Record<"folder" | "library" | "model" | "prompt", string>>,
): Promise<string> {
  const bytes = await readFile(library);
  const said: string[] = [];
  for (const [name, length] of Object.entries(BROKEN)) {
    const place = join(folder, name);
    await mkdir(place, { recursive: true });
    await writeFile(join(place, "broken.so"), bytes.subarray(0, length));
    const about = ["--as", name, "--library", "broken.so", "--register", "BrokenExecutionProvider"];
    slm("device", "add", place, ...about, "--version", "1", "--serves", "npu:qnn", "--yes");
    const { installed } = (slmJson("doctor", "--check") as Doctor).plugins;
    expect(installed.length === 1 && installed[0]?.state === "ok", `doctor: ${JSON.stringify(installed)}`);
    const { exit, error } = slmError("generate", model, "--prompt", prompt, "--device", "npu:qnn");
    const isRight = exit === DEVICE_UNAVAILABLE && error.code === "DEVICE_UNAVAILABLE";
    expect(isRight, `exit code ${exit}, ${JSON.stringify(error)}`);
    said.push(error.message.split("\n")[0]!);
    const doctor = slmJson("doctor") as Doctor;
    expect(doctor.plugins.installed[0]?.available === false, `doctor: ${JSON.stringify(doctor.plugins)}`);
    const { available, reason } = npu(doctor);
    expect(!available && reason.startsWith(`plug-in ${name} 1: `), `doctor: ${reason}`);
    slm("device", "remove", name);
  }
  expect(said[0]?.includes("cannot load the plug-in") === true, said.join("; "));
  return said.join("; ");
}

/** Qualcomm's wheel in this machine's cache; undefined if it is missing, or if this platform has no simulator. */
export async function findQualcommWheel(): Promise<string | undefined> {
  if (process.platform !== "linux" || process.arch !== "x64") return undefined;
  const folder = join(USER_CACHE, "packages");
  const names = await readdir(folder).catch(() => []);
  const name = names.find((entry) => /^onnxruntime_qnn-.*_x86_64\.whl$/.test(entry));
  return name === undefined ? undefined : join(folder, name);
}

/** Adds Qualcomm's plug-in, compiles a model ahead of time, and answers with the compiled model in the simulator. */
export function tryCompiler(
  { slm, slmJson }: Commands,
  { wheel, model, prompt }: Readonly<Record<"wheel" | "model" | "prompt", string>>,
): string {
  slm("device", "add", wheel, "--yes");
  const row = npu(slmJson("doctor") as Doctor);
  expect(row.available && row.reason.startsWith("plug-in qnn "), `doctor: ${JSON.stringify(row)}`);
  const { chips, plugin, artifact } = slmJson("compile", model, "--soc", CHIP, "-o", "compiled") as {
    readonly chips: readonly { readonly soc: string; readonly graphs: readonly unknown[] }[];
    readonly plugin: string;
    readonly artifact: string;
  };
  expect(chips.length === 1 && chips[0]?.soc === CHIP, `compiled for ${JSON.stringify(chips)}`);
  slm("verify", artifact);
  const { text, device } = slmJson("generate", artifact, "--prompt", prompt, "--no-fallback") as {
    readonly text: string;
    readonly device: { readonly simulated: boolean; readonly description: string };
  };
  expect(device.simulated && device.description.includes(CHIP), `computed on ${JSON.stringify(device)}`);
  return `plug-in ${plugin}, ${chips[0].graphs.length} graphs for ${CHIP}; simulated answer: ${text}`;
}
