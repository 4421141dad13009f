/**
 * What int8 products cost in each form that could make a file right on every CPU, beside float32: one product, one thread.
 *
 *   node tools/bench/int8-kernels.mjs
 *   (eval "$(node tools/interop/processors/masked-cpuid.mjs avx2)" && node tools/bench/int8-kernels.mjs)
 *
 * signed: uint8 activations by int8 weights, with the default kernels; saturates without VNNI where weights use 8 bits.
 * exact: the same file with `session.x64quantprecision`; at load it makes weights unsigned where one lies outside ±64.
 * exact, 7 bits: with that option too, and no weight outside ±64.
 * unsigned: uint8 weights with zero point 128 in the file.
 * The forms take turns; each figure is the fastest of its runs.
 */
import { GraphBuilder, encodeModel } from "@slm/onnx";
import { createHostTensor } from "@slm/runtime";
import { createCpuRuntime } from "@slm/runtime-node";

const SIZES = [
  [512, 1024, 4096],
  [512, 4096, 1024],
  [32, 1024, 4096],
  [1, 1024, 4096],
  [8, 96, 384],
];
const SECONDS_EACH = 2;

function model(form, [rows, inputs, outputs]) {
  const g = new GraphBuilder("product");
  const x = g.input("x", "float32", [rows, inputs]);
  const limit = form === "seven" ? 64 : 127;
  const codes = Int8Array.from(
    { length: inputs * outputs },
    (_, at) => ((at * 7919) % (2 * limit + 1)) - limit,
  );
  const scale = () => g.initializer("scale", "float32", [outputs], new Float32Array(outputs).fill(0.01));
  const products = {
    float32: () =>
      g.op("MatMul", [x, g.initializer("w", "float32", [inputs, outputs], Float32Array.from(codes))]),
    signed: () => dynamic([x, g.initializer("w", "int8", [inputs, outputs], codes), scale()]),
    seven: () => products.signed(),
    unsigned: () =>
      dynamic([
        ...[
          x,
          g.initializer(
            "w",
            "uint8",
            [inputs, outputs],
            Uint8Array.from(codes, (code) => code + 128),
          ),
          scale(),
        ],
        g.initializer("zero", "uint8", [outputs], new Uint8Array(outputs).fill(128)),
      ]),
  };
  const dynamic = (inputsOf) => g.op("DynamicQuantizeMatMul", inputsOf, { domain: "com.microsoft" });
  g.output("y", products[form](), "float32", [rows, outputs]);
  return Uint8Array.from(encodeModel(g.build()));
}

const open = (exact) =>
  createCpuRuntime({
    threads: 1,
    inThread: true,
    settings: { "session.x64quantprecision": exact ? "1" : "0" },
  });
const [plain, exact] = [await open(false), await open(true)];
process.stdout.write(`${plain.device.description}: ${plain.device.int8.meaning}\n\n`);
process.stdout.write(
  "| rows x inputs x outputs | float32 [ms] | signed | exact | exact, 7 bits | unsigned |\n| --- | ---: | ---: | ---: | ---: | ---: |\n",
);
for (const size of SIZES) {
  const [rows, inputs] = size;
  const forms = [
    ["float32", await plain.load({ kind: "bytes", bytes: model("float32", size) })],
    ["signed", await plain.load({ kind: "bytes", bytes: model("signed", size) })],
    ["exact", await exact.load({ kind: "bytes", bytes: model("signed", size) })],
    ["seven", await exact.load({ kind: "bytes", bytes: model("seven", size) })],
    ["unsigned", await plain.load({ kind: "bytes", bytes: model("unsigned", size) })],
  ];
  const x = createHostTensor(
    "float32",
    [rows, inputs],
    Float32Array.from({ length: rows * inputs }, (_, at) => Math.sin(at)),
  );
  const best = new Map(forms.map(([name]) => [name, Infinity]));
  for (const end = performance.now() + SECONDS_EACH * forms.length * 1000; performance.now() < end;)
    for (const [name, session] of forms) {
      const start = performance.now();
      await session.run({ feeds: { x }, fetch: ["y"] });
      best.set(name, Math.min(best.get(name), performance.now() - start));
    }
  for (const [, session] of forms) await session.release();
  process.stdout.write(
    `| ${[size.join(" x "), ...[...best.values()].map((ms) => ms.toFixed(3))].join(" | ")} |\n`,
  );
}
await plain.close();
await exact.close();
