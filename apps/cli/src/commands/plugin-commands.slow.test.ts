import { mkdir, open, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder, withCode } from "@slm/core/testing";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { examinePlugins } from "@slm/slm/devices/examine-plugins";
import type { ProbePlugin } from "@slm/slm/devices/probe-plugin";
import { parseOptions, parseServed } from "../flags/plugin-flags.js";
import { pluginRow, withPluginHint } from "@slm/slm/devices/plugin-row";
import { runCommand } from "../testing/run-command.js";

const root = temporaryFolder();
const at = (name: string): string => join(root, name);
const before = process.env.SLM_PLUGINS;
const LIBRARY = {
  linux: "libonnxruntime_providers_webgpu.so",
  win32: "onnxruntime_providers_webgpu.dll",
  darwin: "libonnxruntime_providers_webgpu.dylib",
}[process.platform as "linux" | "win32" | "darwin"];

/** The header of a library for this machine, copied from the running program. */
async function headerHere(): Promise<Buffer> {
  const file = await open(process.execPath);
  try {
    const { buffer } = await file.read(Buffer.alloc(4096), 0, 4096, 0);
    return buffer;
  } finally {
    await file.close();
  }
}

beforeAll(async () => {
  await mkdir(at("package/lib"), { recursive: true });
  await writeFile(at(`package/lib/${LIBRARY}`), await headerHere());
  await writeFile(at("package/LICENSE"), "The Licence\n\nBe kind.\n");
});
beforeEach(() => {
  process.env.SLM_PLUGINS = at("plugins");
});
afterEach(async () => {
  if (before === undefined) delete process.env.SLM_PLUGINS;
  else process.env.SLM_PLUGINS = before;
  await rm(at("plugins"), { recursive: true, force: true });
});

const failure = z.object({
  error: z.object({ code: z.string(), message: z.string(), suggestions: z.array(z.string()) }),
});
const add = (...argv: readonly string[]) =>
  runCommand("device:add", [at("package"), "--version", "0.4.0", ...argv]);
const list = async (...argv: readonly string[]) =>
  z
    .object({
      result: z.object({
        plugins: z.object({ installed: z.array(z.looseObject({ name: z.string(), state: z.string() })) }),
      }),
    })
    .parse((await runCommand("doctor", ["--json", ...argv])).json).result.plugins.installed;

describe("slm device", () => {
  test("adds, lists and removes a plug-in", async () => {
    const added = await add("--yes", "--json");
    expect(added.exitCode).toBe(0);
    expect(added.json).toMatchObject({
      schemaVersion: 1,
      command: "device add",
      result: {
        name: "webgpu",
        version: "0.4.0",
        platform: `${process.platform}-${process.arch}`,
        library: `lib/${LIBRARY}`,
        serves: ["gpu:webgpu"],
        source: { kind: "directory", sha256: null },
        licence: { texts: [{ path: "LICENSE", lines: ["The Licence", "Be kind."] }] },
        tried: null,
        wasInstalled: false,
      },
    });
    expect(added.stderr).toContain("Be kind.");
    expect(await list()).toMatchObject([
      { name: "webgpu", state: "ok", bytes: 4096 + 22, licenceFiles: ["LICENSE"] },
    ]);
    const removed = await runCommand("device:remove", ["webgpu", "--json"]);
    expect(removed.json).toMatchObject({ result: { removed: [{ name: "webgpu", version: "0.4.0" }] } });
    expect(await list()).toEqual([]);
    expect((await runCommand("device:remove", ["webgpu", "--json"])).exitCode).toBe(66);
  });

  test("does not add a plug-in without acceptance of its licence; with --json it does not ask", async () => {
    const { exitCode, json } = await add("--json");
    expect(exitCode).toBe(2);
    expect(failure.parse(json).error).toMatchObject({
      code: "USAGE",
      message: expect.stringContaining("you must accept the licence") as string,
      suggestions: [`slm device add ${at("package")} --yes`],
    });
    expect(await list()).toEqual([]);
  });

  test("prints the download command for a known name", async () => {
    const { exitCode, json } = await runCommand("device:add", ["qnn", "--json"]);
    expect(exitCode).toBe(2);
    expect(failure.parse(json).error.suggestions[0]).toBe("pip download --no-deps onnxruntime-qnn==2.7.0");
    expect((await runCommand("device:add", [at("nowhere.whl"), "--json"])).exitCode).toBe(66);
    await writeFile(at("broken.whl"), "not an archive");
    expect((await runCommand("device:add", [at("broken.whl"), "--json"])).exitCode).toBe(65);
  });

  test("finds a corrupt plug-in; slm doctor --check then fails as a gate does", async () => {
    const folder = (await add("--yes")).stdout.trimEnd().split("\n").at(-1)!;
    await writeFile(join(folder, "LICENSE"), "The Licence\n\nBe evil.\n");
    expect(await list()).toMatchObject([{ state: "ok" }]);
    expect((await runCommand("doctor", ["--check"])).exitCode).toBe(3);
    expect(await list("--check")).toMatchObject([{ state: "corrupt" }]);
  });
});

describe(examinePlugins, () => {
  test("says what each plug-in offers or why it does not work, and how to get the others", async () => {
    await add("--yes");
    await add(
      "--yes",
      "--as",
      "other",
      "--library",
      `lib/${LIBRARY}`,
      "--register",
      "OtherExecutionProvider",
    );
    const { installed, absent, folder } = await examinePlugins(({ name, registrationName }) =>
      Promise.resolve(
        name === "other"
          ? { reason: "no driver" }
          : { devices: [{ name: registrationName, vendor: "Maker", type: "gpu" as const }] },
      ),
    );
    expect(folder).toBe(at("plugins"));
    expect(installed).toMatchObject([
      { name: "other", available: false, reason: "no driver", devices: [], serves: ["gpu:webgpu"] },
      { name: "webgpu", available: true, reason: expect.stringContaining("on gpu (Maker)") as string },
    ]);
    expect(absent.map(({ name }) => name)).toEqual(["qnn", "openvino", "tensorrt-rtx", "cuda"]);
    for (const { obtain, reason } of absent)
      expect(obtain ?? reason).toMatch(/^pip download --no-deps |there is no package for/u);
  });

  test("does not load the library of a corrupt plug-in", async () => {
    const folder = (await add("--yes")).stdout.trimEnd().split("\n").at(-1)!;
    await rm(join(folder, "LICENSE"));
    const { installed } = await examinePlugins(() => Promise.reject(new Error("asked")));
    expect(installed).toMatchObject([
      { available: false, state: "corrupt", reason: "corrupt: LICENSE is missing" },
    ]);
  });

  test("reports a library that cannot be loaded, from a separate process", async () => {
    await add("--yes");
    const { installed } = await examinePlugins();
    expect(installed).toMatchObject([
      { available: false, reason: expect.stringContaining("cannot load") as string },
    ]);
  });
});

describe("the row of an NPU in slm doctor", () => {
  const QNN = { device: "npu:qnn", target: "npu", profile: "qnn" } as const;
  const addQnn = () => runCommand("device:add", [at("qnn"), "--as", "qnn", "--version", "0.4.0", "--yes"]);
  const row = async (answer: Awaited<ReturnType<ProbePlugin>>) =>
    pluginRow(QNN, await examinePlugins(() => Promise.resolve(answer)));
  const device = (type: "cpu" | "npu") => ({ name: "QNNExecutionProvider", vendor: "Maker", type });

  beforeAll(async () => {
    await mkdir(at("qnn"));
    await writeFile(at("qnn/LICENSE"), "The Licence\n");
    for (const base of ["onnxruntime_providers_qnn", "QnnHtp"])
      await writeFile(at(`qnn/${LIBRARY.replace("onnxruntime_providers_webgpu", base)}`), await headerHere());
  });

  test("says what its plug-in offers: on a CPU that it compiles and simulates", async () => {
    await addQnn();
    expect(await row({ devices: [device("cpu")] })).toEqual({
      available: true,
      reason: "plug-in qnn 0.4.0: compiles for Hexagon and simulates it",
    });
    expect(await row({ devices: [device("npu"), device("cpu")] })).toEqual({
      available: true,
      reason: "plug-in qnn 0.4.0: Maker NPU, Maker CPU",
    });
  });

  test("says why its plug-in offers nothing", async () => {
    await addQnn();
    expect(await row({ reason: "no driver" })).toEqual({
      available: false,
      reason: "plug-in qnn 0.4.0: no driver",
    });
    expect((await row({ devices: [] }))?.reason).toMatch(/^plug-in qnn 0\.4\.0: .*lists no device/);
  });

  test("for a corrupt plug-in has the error of the runtime", async () => {
    const added = await addQnn();
    expect(added.exitCode).toBe(0);
    await rm(join(added.stdout.trimEnd().split("\n").at(-1)!, "LICENSE"));
    expect(await row({ devices: [] })).toEqual({
      available: false,
      reason: "plug-in qnn 0.4.0 cannot be used, corrupt: LICENSE is missing",
    });
  });

  test("names the commands that add its plug-in, if it has one", async () => {
    const findings = await examinePlugins();
    expect(await pluginRow(QNN, findings)).toBeUndefined();
    const no = { available: false, reason: "needs a plug-in" };
    const { obtain } = findings.absent.find(({ name }) => name === "qnn")!;
    const hint = obtain === null ? "" : `: ${obtain}, then slm device add FILE`;
    expect(withPluginHint(no, QNN, findings).reason).toBe(`needs a plug-in${hint}`);
    expect(withPluginHint(no, { device: "npu:vitisai" }, findings)).toEqual(no);
    const yes = { available: true, reason: "computed a product" };
    expect(withPluginHint(yes, QNN, findings)).toEqual(yes);
  });
});

describe("flags of slm device add", () => {
  test("accept options as key=value, each key once", () => {
    expect(parseOptions(["a=1", "b=x=y", "c="])).toEqual({ a: "1", b: "x=y", c: "" });
    for (const texts of [["a"], ["=1"], ["a=1", "a=2"]])
      expect(() => parseOptions(texts)).toThrow(withCode("USAGE"));
  });

  test("accept devices in the table", () => {
    expect(parseServed(["npu:qnn"])).toEqual(["npu:qnn"]);
    expect(() => parseServed(["npu:cuda"])).toThrow(withCode("USAGE"));
  });
});
