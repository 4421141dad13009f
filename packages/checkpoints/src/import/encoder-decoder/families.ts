/** The published encoder-decoders that slm imports, by `model_type`. */
import { SlmError } from "@slm/core";
import type { ExternalCheckpoint } from "../../external-checkpoint.js";
import type { ImportOptions } from "../mapping/import-config.js";
import type { PublishedModel, ReadPublished } from "./published-model.js";
import { bart, blenderbotSmall, m2m100, marian, mbart, pegasus } from "./bart.js";
import { marianNmt, MARIAN_NMT } from "./marian-nmt.js";
import { t5gemma } from "./t5gemma.js";
import { t5gemma2 } from "./t5gemma2.js";
import { mt5, t5, umt5 } from "./t5.js";

/** One entry per family. */
const ENCODER_DECODER_FAMILIES: Readonly<Record<string, ReadPublished>> = {
  t5,
  mt5,
  umt5,
  bart,
  mbart,
  pegasus,
  marian,
  [MARIAN_NMT]: marianNmt,
  m2m_100: m2m100,
  "blenderbot-small": blenderbotSmall,
  t5gemma,
  t5gemma2,
};

/** Other models that are imported: their decoder attends to an encoder's output. */
const readerOf = ({ config }: Pick<ExternalCheckpoint, "config">): ReadPublished | undefined => {
  const type = String(config["model_type"]);
  return Object.hasOwn(ENCODER_DECODER_FAMILIES, type) ? ENCODER_DECODER_FAMILIES[type] : undefined;
};

/** Whether an external model claims to be an encoder-decoder, of a family that slm imports or another one. */
export const isPublishedEncoderDecoder = (external: Pick<ExternalCheckpoint, "config">): boolean =>
  readerOf(external) !== undefined || external.config["is_encoder_decoder"] === true;

/** Converts a published encoder-decoder to slm's model. @throws SlmError CONFIG_INVALID for a family or setting that is not supported */
export function publishedModel(external: ExternalCheckpoint, options: ImportOptions = {}): PublishedModel {
  const { where, config } = external;
  const read = readerOf(external);
  if (read !== undefined) return read(external, options);
  const known = Object.keys(ENCODER_DECODER_FAMILIES).join(", ");
  throw new SlmError(
    "CONFIG_INVALID",
    `${where}: config.json: model_type '${String(config["model_type"]).slice(0, 80)}' is not supported; supported encoder-decoders are ${known}`,
    { context: { key: "model_type" } },
  );
}
