/** Teachers that come with the package, under `assets/`: a checkpoint, its tokenizer, and a manifest of its origin. */
import { fileURLToPath } from "node:url";

/** Names of the teachers that come with the package. */
export const EMBEDDED_TEACHERS = [
  "g2p",
  "g2p-reader",
  "g2p-reader-second",
  "g2p-reader-third",
  "g2p-reader-fourth",
] as const;
export type EmbeddedTeacherName = (typeof EMBEDDED_TEACHERS)[number];

/**
 * Directory of a teacher that comes with the package: config.json, model.safetensors, tokenizer.json,
 * tokenizer_config.json and manifest.json, which says how it was trained.
 */
export function embeddedTeacherDirectory(name: EmbeddedTeacherName): string {
  return fileURLToPath(new URL(`../assets/${name}`, import.meta.url));
}
