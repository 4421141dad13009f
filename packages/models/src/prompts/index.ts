/** The prompts of one call. */
export { readImagePrompts, type Question } from "./image-prompts.js";
export type { PromptStream } from "./prompts.js";
export { readSchema } from "./read-schema.js";
