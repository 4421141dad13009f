/** Compares the kernels of target c with the checkpoint that they were made from. */
import { PortableModel, readModule, type CompiledModel } from "@slm/c-export";
import type { Checkpoint } from "@slm/checkpoints";
import type { Progress } from "@slm/core";
import {
  checkParity,
  compareLogits,
  parityInputs,
  paritySizes,
  PARITY_LIMITS,
  referenceLogits,
  type CaseInputs,
  type CaseSizes,
  type ParityReport,
} from "@slm/onnx-export/parity";
import type { HostTensor, Runtime } from "@slm/runtime";
import { createOnnxEngine } from "@slm/tensor";

/**
 * Runs the cases of every export's parity check on the kernels in WebAssembly.
 *
 * @throws SlmError GATE_FAILED if float32 logits differ by more than the limit of exports; int8 and int4 weights have none
 */
export async function comparePortable(
  checkpoint: Checkpoint,
  compiled: CompiledModel,
  {
    runtime,
    progress,
    signal,
  }: { readonly runtime: Runtime; readonly progress: Progress; readonly signal: AbortSignal },
): Promise<Pick<ParityReport, "maxAbs" | "cases" | "basis">> {
  const { config } = checkpoint;
  const sizes = paritySizes(config);
  const inputs = sizes.map((size) => parityInputs(config, size));
  const engine = createOnnxEngine(runtime);
  const expected = await referenceLogits(checkpoint, inputs, { engine, progress, signal });
  const model = await PortableModel.open(await readModule(), compiled);
  const cases = sizes.map((size, at) =>
    compareLogits(size, { actual: logitsOf(model, size, inputs[at]!), expected: expected[at]! }),
  );
  const maxAbs = Math.max(...cases.map((item) => item.maxAbs));
  if (compiled.form === "float32") checkParity({ maxAbs, cases }, PARITY_LIMITS.float32);
  return { maxAbs, cases, basis: "the kernels of target c, compiled to WebAssembly" };
}

/** Logits `[batch, vocabulary]` of a first run over `prefill` tokens and of single steps, as {@link compareLogits} takes them. */
function logitsOf(
  model: PortableModel,
  { batch, prefill, target }: CaseSizes,
  { sourceIds, sourceLengths, targetIds }: CaseInputs,
): readonly Float32Array[] {
  const runs = Array.from({ length: target - prefill + 1 }, () => new Float32Array(batch * model.vocabulary));
  for (let row = 0; row < batch; row++) {
    const tokens = rowOf(targetIds, row);
    if (model.capacities.source > 0)
      model.encode(rowOf(sourceIds, row).slice(0, Number(sourceLengths.data[row])));
    else model.rewind(0);
    runs.forEach((run, index) => {
      const ids = index === 0 ? tokens.slice(0, prefill) : [tokens[prefill - 1 + index]!];
      run.set(model.step(ids), row * model.vocabulary);
    });
  }
  return runs;
}

function rowOf({ shape, data }: HostTensor, row: number): readonly number[] {
  const width = shape[1]!;
  return Array.from(data.subarray(row * width, (row + 1) * width) as Int32Array);
}
