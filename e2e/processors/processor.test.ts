/** Checks that the other tests in this folder run on the CPU that `npm run e2e:processors` selects. */
import { GraphBuilder, encodeModel } from "@slm/onnx";
import { createHostTensor } from "@slm/runtime";
import { createCpuRuntime } from "@slm/runtime-node";
import { expect, test } from "vitest";

interface Expectation {
  readonly architecture?: string;
  readonly unsignedSigned?: number;
}
const expected = JSON.parse(process.env["SLM_TEST_PROCESSOR"] ?? "{}") as Expectation;

test("multiplies uint8 by int8 as the CPU that was asked for does", async () => {
  // The result of default kernels. Our runtimes otherwise select exact kernels where these saturate.
  const settings = { "session.x64quantprecision": "0" };
  const runtime = await createCpuRuntime({ inThread: true, threads: 1, settings });
  const g = new GraphBuilder("probe");
  const weights = g.initializer("w", "int8", [2, 16], new Int8Array(32).fill(127));
  g.output("y", g.op("MatMulInteger", [g.input("x", "uint8", [1, 2]), weights]), "int32", [1, 16]);
  const session = await runtime.load({ kind: "bytes", bytes: encodeModel(g.build()) });
  const feeds = { x: createHostTensor("uint8", [1, 2], Uint8Array.of(255, 255)) };
  const { fetched } = await session.run({ feeds, fetch: ["y"] });
  await session.release();
  await runtime.close();
  expect({ architecture: process.arch, unsignedSigned: Number(fetched["y"]!.data[0]) }).toMatchObject({
    ...(expected.architecture === undefined ? {} : { architecture: expected.architecture }),
    ...(expected.unsignedSigned === undefined ? {} : { unsignedSigned: expected.unsignedSigned }),
  });
});
