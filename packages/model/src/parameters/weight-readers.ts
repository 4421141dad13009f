/** Which graphs of an exported model read a weight. */
import type { ModelConfig } from "../config/config.js";
import { isMerged, publishedOf } from "../config/options.js";
import { EMBEDDING_WEIGHT, moduleOf } from "./parameters.js";

export type WeightReader = "vision" | "encoder" | "decoder";

/**
 * The graphs that read a weight. The encoder's graph also projects the cross-attention keys and values of all decoder layers. A table of source
 * and target tokens, and the keys and values of merged attention, are read by both.
 */
export function weightReaders(config: ModelConfig, name: string): readonly WeightReader[] {
  if (moduleOf(name) !== "text") return ["vision"];
  if (config.architecture === "decoder-only") return ["decoder"];
  if (name.startsWith("encoder.") || /\.crossAttention\.(?:key|value)\./u.test(name)) return ["encoder"];
  const isShared =
    name === EMBEDDING_WEIGHT
      ? publishedOf(config).sourceVocabularySize === undefined
      : isMerged(config) && /^decoder\..*\.attention\.(?:key|value)\./u.test(name);
  return isShared ? ["encoder", "decoder"] : ["decoder"];
}
