/** The bytes of a JSON text after one to three edits, the same for the same seed. */
export function mutateJson(text: string, seed: number): Buffer;
