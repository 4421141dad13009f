/** The directory of a required input of a stage. */
export function requireInput(inputs: Readonly<Record<string, string>>, stage: string): string {
  const directory = inputs[stage];
  if (directory === undefined) throw new Error(`the pipeline did not pass the required input '${stage}'`);
  return directory;
}
