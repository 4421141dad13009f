/** Where `slm eval` writes predictions, and what it may replace there. */
import { openRegular, readFailure, systemCode } from "@slm/core";
import { SlmError } from "@slm/core/errors";
import { z } from "zod";

const DEFAULT_FILE = "predictions.jsonl";

/** The fields by which a line of predictions is recognized. */
const prediction = z.looseObject({ source: z.string(), references: z.array(z.string()), score: z.number() });

/** Enough for the line of any row that fits a model [bytes]. */
const LONGEST_LINE = 2 ** 20;

/**
 * The file for predictions. A file that was named is replaced: its user asked for it. The default is replaced only if it holds
 * predictions, and `note` says so.
 *
 * @param given `--output`
 * @param usual the file without `--output`
 * @throws SlmError OUTPUT_FAILED if another file has the default name
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
    throw new SlmError("OUTPUT_FAILED", `${usual} is a file that slm did not write, and is not replaced`, {
      context: { path: usual },
      suggestions: ["name another file with --output FILE"],
    });
  }
  note(`${usual} of an earlier call will be replaced; --output FILE keeps both`);
  return usual;
}

/** Undefined where there is no file. */
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
