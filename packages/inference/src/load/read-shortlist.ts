import { readFile } from "node:fs/promises";
import { readFailure, resolveInside, SlmError } from "@slm/core";
import { shortlistOf, type LexicalShortlist } from "@slm/generation";
import type { DeviceModel } from "@slm/exported-model";

/** The shortlist of a model, if it has one. @throws SlmError INPUT_MISSING, DATA_INVALID */
export async function readShortlist(
  directory: string,
  model: Pick<DeviceModel, "vocabularySize">,
  name: string | undefined,
): Promise<LexicalShortlist | undefined> {
  if (name === undefined) return undefined;
  const file = resolveInside(directory, name);
  const bytes = await readFile(file).catch((error: unknown) => {
    throw readFailure(error, file, ["slm export CHECKPOINT"]);
  });
  const reject = (message: string): SlmError =>
    new SlmError("DATA_INVALID", `${file}: not a usable lexical shortlist: ${message}`, {
      context: { file },
    });
  return shortlistOf(bytes, model.vocabularySize, reject);
}
