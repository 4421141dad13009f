/** Lines of JSON that a process may have been killed over. */
import type { z } from "zod";

export interface JsonLines<Row> {
  readonly rows: readonly Row[];
  /** Lines that are not JSON or not of the schema; a last line without its end is not counted, it was cut short. */
  readonly unreadable: number;
}

/** The lines of a text that fit a schema. */
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

/** The value of a line; undefined, which no schema of a row takes, for one that is not JSON. */
function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
