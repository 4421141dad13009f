import { createHostTensor, type HostTensor } from "@slm/runtime";
import { createEagerEngine, type ProgramDefinition, type TensorSpec } from "@slm/tensor";

export const int32 = (shape: readonly number[], values: ArrayLike<number>): HostTensor =>
  createHostTensor("int32", shape, Int32Array.from(values));

/** Inputs of a program for these tensors. */
export const specsOf = (feeds: Readonly<Record<string, HostTensor>>): Record<string, TensorSpec> =>
  Object.fromEntries(
    Object.entries(feeds).map(([name, { dtype, shape }]) => [
      name,
      { dtype: dtype as TensorSpec["dtype"], shape },
    ]),
  );

/** Runs a program once in plain JavaScript. */
export async function compute(
  feeds: Readonly<Record<string, HostTensor>>,
  build: ProgramDefinition["build"],
  fetch: readonly string[],
): Promise<Readonly<Record<string, HostTensor>>> {
  const engine = await createEagerEngine("js");
  const program = await engine.compile({ name: "test", inputs: specsOf(feeds), build });
  return (await program.run({ feeds, fetch })).fetched;
}
