/** The directory of an input that the stage table declares as required. */
export function requireInput(inputs: Readonly<Record<string, string>>, stage: string): string {
  const directory = inputs[stage];
  if (directory === undefined) throw new Error(`the pipeline did not pass the required input '${stage}'`);
  return directory;
}
