/** Tests Qualcomm's HTP compiler and simulator (plug-in onnxruntime-qnn) through the command line and the native runtime. */
import { cp, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { compareRuntimes } from "@slm/inference";
import { socOf } from "@slm/devices";
import { readDeviceModel } from "@slm/exported-model";
import { GraphBuilder, writeOnnx } from "@slm/onnx";
import { createCpuRuntime, createNpuRuntime } from "@slm/runtime-node";
import { openPluginRuntime, providerOf, runJob } from "@slm/runtime-native";
import { findPlugin, type Plugin } from "@slm/runtime-native/plugins";
import { beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { required, slm, slmExit } from "../slm-process.js";

/** Three chips of three generations. */
const CHIPS = ["sm8550", "sm8650", "sm8750"] as const;
const SCHEMES = ["a8w8", "int8-qdq", "a16w8", "a16w4"] as const;

const run = required("SLM_TEST_RUN", "e2e:npu");
const bundle = join(run, "deploy");

const workspace = temporaryFolder();
let plugin: Plugin;
const at = (name: string): string => join(workspace, name);
const chipFlags = CHIPS.flatMap((chip) => ["--soc", chip]);

beforeAll(async () => {
  plugin = (await findPlugin("npu", "qnn"))!;
  await slm("export", join(run, "distill"), "--target", "npu", "--profile", "qnn", "-o", at("float32"));
});

const answer = z.looseObject({
  text: z.string(),
  device: z.looseObject({ simulated: z.boolean(), description: z.string(), provider: z.string() }),
});

describe("a bundle of a run with a compile section", () => {
  test("has context binaries for three chips, each other bytes, and matches its manifest", async () => {
    const { compiled } = await readDeviceModel(bundle);
    expect(compiled?.map(({ soc }) => soc)).toEqual([...CHIPS]);
    const contents = await Promise.all(
      compiled!.flatMap(({ graphs }) =>
        Object.values(graphs).flatMap(({ binaries }) =>
          binaries.map(async (file) => (await readFile(join(bundle, file))).toString("base64")),
        ),
      ),
    );
    expect(contents.length).toBeGreaterThanOrEqual(2 * CHIPS.length);
    expect(new Set(contents).size).toBe(contents.length);
    await slm("verify", bundle);
  });

  test("answers on the simulator from its compiled graphs, and says that it is one", async () => {
    const found = answer.parse(await slm("generate", bundle, "--prompt", "hello", "--no-fallback"));
    expect(found.text).not.toBe("");
    expect(found.device).toMatchObject({ provider: "qnn", simulated: true });
    expect(found.device.description).toMatch(/simulator of plug-in qnn .*sm8550/);
  });
});

describe("the simulator", () => {
  test("gives the logits of a float32 export within float16's precision", async () => {
    const rows = (await readFile(join(run, "data", "test.jsonl"), "utf8"))
      .trimEnd()
      .split("\n")
      .slice(0, 5)
      .map((line) => ({
        source: z.object({ source: z.string() }).parse(JSON.parse(line)).source,
        references: [],
      }));
    const reference = await createCpuRuntime({ threads: 1 });
    const device = await createNpuRuntime({ profile: "qnn", fallback: false });
    try {
      const found = await compareRuntimes(at("float32"), { reference, device }, { rows });
      expect(found.minCosine).toBeGreaterThan(0.999);
      expect(found.steps).toBeGreaterThan(10);
      expect(found.compiledAhead).toBe(false);
    } finally {
      await device.close();
      await reference.close();
    }
  });
});

describe("the compiler", () => {
  test.each(SCHEMES)("takes every graph of scheme %s whole, for three chips", async (scheme) => {
    const calibration = join(run, "data", "train.jsonl");
    const quantized = ["quantize", at("float32"), "--scheme", scheme, "--calibration", calibration];
    await slm(...quantized, "--calibration-rows", "32", "-o", at(scheme));
    const made = await slm("compile", at(scheme), ...chipFlags, "-o", at(`${scheme}-compiled`));
    expect(made).toMatchObject({ chips: CHIPS.map((soc) => ({ soc })) });
  });

  test("refuses a graph that it cannot take, by name, and the next one compiles", async () => {
    const builder = new GraphBuilder("refused");
    const x = builder.input("x", "float64", [1, 4]);
    builder.output("y", builder.op("Relu", [x]), "float64", [1, 4]);
    await writeOnnx(builder.build(), at("refused.onnx"));
    const { exitCode, stderr } = await slmExit(
      "compile",
      at("refused.onnx"),
      "--soc",
      "sm8650",
      "-o",
      at("refused"),
    );
    expect(exitCode).toBe(65);
    expect(stderr).toMatch(/refused\.onnx: it does not support Relu '/);
    await slm("compile", at("float32"), "--soc", "sm8650", "-o", at("float32-compiled"));
  });
});

describe("a failure of the vendor's library", () => {
  test("a corrupt context binary is an error with a code, another chip's is used", async () => {
    await cp(bundle, at("corrupt"), { recursive: true });
    const { compiled } = await readDeviceModel(at("corrupt"));
    for (const { binaries } of Object.values(compiled![0]!.graphs))
      for (const file of binaries) await truncate(join(at("corrupt"), file), 5000);
    const broken = await slmExit("generate", at("corrupt"), "--prompt", "hello", "--soc", CHIPS[0]);
    expect(broken.exitCode).toBe(65);
    expect(broken.stderr).toContain("slm compile");
    const whole = answer.parse(await slm("generate", at("corrupt"), "--prompt", "hello", "--soc", CHIPS[1]));
    expect(whole.text).not.toBe("");
  });

  test("a wrong SoC is an error with a code, and this program goes on", async () => {
    const source = join(at("float32"), (await readDeviceModel(at("float32"))).graphs.encoder!.file);
    const chip = socOf("qnn", "sm8650");
    const wrong = { ...chip, options: { soc_model: "999999" } };
    const compile = (soc: typeof wrong): Promise<unknown> =>
      runJob("compile", {
        provider: providerOf(plugin, "qnn", soc),
        source,
        output: at(`${soc.options.soc_model}.onnx`),
        threads: 1,
      });
    await expect(compile(wrong)).rejects.toMatchObject({ name: "SlmError", code: "OP_UNSUPPORTED" });
    await compile({ ...chip, options: { soc_model: chip.options.soc_model! } });
  });

  test("a library that is none is an error with a code", async () => {
    await writeFile(at("library.so"), "text");
    await expect(
      runJob("devices", { ...providerOf(plugin, "qnn"), library: at("library.so") }),
    ).rejects.toMatchObject({ code: "DEVICE_UNAVAILABLE" });
    const runtime = await openPluginRuntime({ target: "npu", profile: "qnn" });
    expect(runtime?.device.simulated).toBe(true);
    await runtime?.close();
  });
});
