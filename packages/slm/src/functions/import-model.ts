/** Imports published models as checkpoints. */
import { resolveModel, type ResolvedModel } from "@slm/checkpoints";
import { contextOf, type WorkOptions } from "@slm/core/work";
import { importModel, type ImportModelOptions, type ImportedModel } from "@slm/models/published";
import { writeStandalone } from "@slm/models/artifacts";

export interface ImportOptions extends WorkOptions, Omit<ImportModelOptions, "vocabulary"> {
  /** Directory of the checkpoint. */
  readonly output: string;
}

export interface ImportedCheckpoint extends ImportedModel {
  /** The repository and commit it was fetched from; absent for a local model. */
  readonly hub?: NonNullable<ResolvedModel["hub"]> | undefined;
  readonly artifact: string;
}

/**
 * Imports a model from a directory, a GGUF file or the hub.
 *
 * @throws SlmError naming the file, setting or tensor that is missing, corrupt or not supported
 */
export async function importPublished(
  source: string,
  { output, onEvent, signal, ...options }: ImportOptions,
): Promise<ImportedCheckpoint> {
  const { path, hub } = await resolveModel(source, contextOf({ onEvent, signal }));
  const settings = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const made = await writeStandalone(
    { directory: output, kind: "checkpoint", sources: { model: path }, settings },
    async (work) => ({ ...(await importModel(path, work, options)), hub }),
  );
  return { ...made, artifact: output };
}
