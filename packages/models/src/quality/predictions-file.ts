/** Chooses where `slm eval` writes predictions, and which files it may replace. */
import { openRegular, readFailure, systemCode } from "@slm/core";
import { SlmError } from "@slm/core/errors";
import { z } from "zod";

const DEFAULT_FILE = "predictions.jsonl";

/** Every line of predictions has these fields. */
const prediction = z.looseObject({ source: z.string(), references: z.array(z.string()), score: z.number() });

/** Longer than the line of any row that fits a model [bytes]. */
const LONGEST_LINE = 2 ** 20;

/**
 * Returns the file for predictions. A file that the user named is replaced. The default file is replaced only if it contains
 * predictions, and `note` says so.
 *
 * @param given `--output`
 * @param usual the file without `--output`
 * @throws SlmError OUTPUT_FAILED if a file of another program has the default name
 */
export async function choosePredictionsFile(
  given: string | undefined,
  note: (text: string) => void,
  usual: string = DEFAULT_FILE,
): Promise<string> {
  if (given !== undefined) return given;
  const first = await firstLine(usual);
  if (first === undefined) return usual;
  if (!isPrediction(first)) {
    throw new SlmError("OUTPUT_FAILED", `${usual} exists and is not replaced, because slm did not write it`, {
      context: { path: usual },
      suggestions: ["choose another file with --output FILE"],
    });
  }
  note(`${usual} from an earlier call will be replaced; --output FILE keeps both`);
  return usual;
}

/** Undefined if there is no file. */
async function firstLine(path: string): Promise<string | undefined> {
  try {
    const handle = await openRegular(path);
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(LONGEST_LINE), 0, LONGEST_LINE, 0);
      return buffer.toString("utf8", 0, bytesRead).split("\n")[0] ?? "";
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw readFailure(error, path);
  }
}

function isPrediction(line: string): boolean {
  try {
    return prediction.safeParse(JSON.parse(line)).success;
  } catch {
    return false;
  }
}
