/** Reads JSON lines. The last line may be incomplete if the writer was killed. */
import type { z } from "zod";

export interface JsonLines<Row> {
  readonly rows: readonly Row[];
  /** Number of lines that are not JSON or do not match the schema; an incomplete last line is not counted. */
  readonly unreadable: number;
}

/** The lines of a text that match a schema. */
export function readJsonLines<Schema extends z.ZodType>(
  text: string,
  schema: Schema,
): JsonLines<z.infer<Schema>> {
  const lines = text.split("\n");
  const rows: z.infer<Schema>[] = [];
  let unreadable = 0;
  for (const [index, line] of lines.entries()) {
    if (line.trim() === "") continue;
    const row = schema.safeParse(parsed(line));
    if (row.success) rows.push(row.data);
    else if (index < lines.length - 1) unreadable += 1;
  }
  return { rows, unreadable };
}

/** The value of a line; undefined, which no row schema accepts, if it is not JSON. */
function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
