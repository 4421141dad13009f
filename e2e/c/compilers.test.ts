/** Models exported to C, by several compilers and for several processors, against the same kernels in WebAssembly. */
import { execFileSync } from "node:child_process";
import { copyFile, mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import {
  compileModel,
  PortableModel,
  readKernels,
  readModule,
  WEIGHT_FORMS,
  writeCFiles,
} from "@slm/c-export";
import type { Checkpoint } from "@slm/checkpoints";
import { describe, expect, test } from "vitest";
import { BUILDS, decoderOnly, published, STRICT } from "./builds.test-support.js";

const folder = temporaryFolder();

const ROOM = { maxSource: 9, maxTarget: 6 };

const MODELS: Readonly<Record<string, () => Promise<Checkpoint>>> = {
  t5: () => published("t5", ROOM),
  marian: () => published("marian", ROOM),
  bart: () => published("bart", ROOM),
  t5gemma2: () => published("t5gemma2", ROOM),
  "decoder-only": () => decoderOnly(ROOM),
};

/** Sources and targets of a few lengths. */
const PROBLEMS = [
  { source: [4, 5, 6, 7, 8, 9, 10, 4, 2], target: [1, 5, 6, 7] },
  { source: [7], target: [1, 9, 4, 4, 8, 6] },
];

test.each(Object.entries(BUILDS))("functions keep to their error bounds: %s", async (name, build) => {
  const { compiler, flags, emulator = [] } = build;
  const directory = await mkdtemp(join(folder, "functions-"));
  await writeFile(join(directory, "kernels.h"), await readKernels());
  await copyFile(join(import.meta.dirname, "functions.c"), join(directory, "functions.c"));
  const options = { cwd: directory, encoding: "utf8" } as const;
  execFileSync(compiler, [...STRICT, ...flags, "functions.c", "-o", "functions", "-lm"], options);
  const [program, ...rest] = [...emulator, "./functions"];
  const [exponential, hyperbolic, gaussian] = execFileSync(program, rest, options)
    .trim()
    .split(" ")
    .map(Number);
  // The bounds in kernels/elementwise.c.
  expect(exponential).toBeLessThan(3e-7);
  expect(hyperbolic).toBeLessThan(name.startsWith("armv7") ? 4e-7 : 3e-7);
  expect(gaussian).toBeLessThan(name.startsWith("armv7") ? 7e-7 : 5e-7);
});

test.each([["-mavxvnni"], ["-mavx512vnni", "-mavx512vl"]])(
  "compiles for processors that CI does not have: %s",
  async (...flags) => {
    const checkpoint = await MODELS["t5"]!();
    const directory = await mkdtemp(join(folder, "compiled-"));
    for (const form of WEIGHT_FORMS) {
      await writeCFiles(directory, form, checkpoint.config, compileModel(checkpoint, form));
      const options = { cwd: directory, encoding: "utf8" } as const;
      execFileSync("gcc", [...STRICT, "-O2", "-mavx2", "-mfma", ...flags, "-c", `${form}.c`], options);
      const code = execFileSync("objdump", ["-d", `${form}.o`], options);
      expect(code.includes("vpdpbusd"), form).toBe(form !== "float32");
    }
  },
);

describe.each(Object.keys(MODELS))("%s", (name) => {
  test.each(WEIGHT_FORMS)("with %s weights has the same logits from every compiler", async (form) => {
    const checkpoint = await MODELS[name]!();
    const compiled = compileModel(checkpoint, form);
    const model = await PortableModel.open(await readModule(), compiled);
    const isEncoderDecoder = checkpoint.config.architecture === "encoder-decoder";
    const expected = PROBLEMS.map(({ source, target }) => {
      if (isEncoderDecoder) model.encode(source);
      else model.rewind(0);
      return target.flatMap((token) => [...model.step([token])]);
    });
    const directory = await mkdtemp(join(folder, "model-"));
    await writeCFiles(directory, "model", checkpoint.config, compiled);
    for (const file of ["logits.c", "memory.h"])
      await copyFile(join(import.meta.dirname, file), join(directory, file));
    const input = PROBLEMS.map(({ source, target }) =>
      [source.length, ...source, target.length, ...target].join(" "),
    ).join("\n");
    for (const [build, { compiler, flags, emulator = [] }] of Object.entries(BUILDS)) {
      const options = { cwd: directory, encoding: "utf8" } as const;
      const encoder = isEncoderDecoder ? ["-DHAS_ENCODER"] : [];
      execFileSync(
        compiler,
        [...STRICT, ...flags, ...encoder, "logits.c", "model.c", "-o", "logits", "-lm"],
        options,
      );
      const [program, ...rest] = [...emulator, "./logits", "model.bin"];
      const output = execFileSync(program, rest, { ...options, input });
      const actual = output
        .trim()
        .split("\n")
        .map((line) => line.trim().split(" ").map(Number));
      actual.forEach((logits, at) => {
        expect(logits.length, build).toBe(expected[at]!.length);
        const most = Math.max(...logits.map((logit, index) => Math.abs(logit - expected[at]![index]!)));
        expect(most, `${build}: largest difference of logits`).toBeLessThan(form === "float32" ? 1e-4 : 5e-3);
      });
    }
  });
});
