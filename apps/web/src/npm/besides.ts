import { fileURLToPath } from "node:url";

/** Path of a file or folder next to the program. */
export const besides = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
