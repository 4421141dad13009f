/** Reads images in requests, with limits on bytes and pixels. */
import { createHash } from "node:crypto";
import { SlmError } from "@slm/core";
import type { DeviceVision } from "@slm/exported-model";
import { imageOfBytes, patchRows } from "@slm/vision";
import type { ChatRequest } from "./request-schemas.js";
import type { ServeConfig } from "../serve-config.js";

type Limits = Pick<ServeConfig, "maxImageBytes">;

/** An encoded image file. */
export interface ImageFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Hash of the bytes, so that equal files are decoded once. */
  readonly key: string;
}

/** Length of the base64 encoding of this many bytes, padding included. */
export const base64Length = (bytes: number): number => 4 * Math.ceil(bytes / 3);

const DATA_URL = /^data:image\/[a-z0-9.+-]{1,32};base64,/i;

/** Decodes base64 to an image file. @throws SlmError DATA_INVALID for text that is not base64, USAGE for more bytes than the limit. */
export function imageOfBase64(text: string, { maxImageBytes }: Limits): ImageFile {
  if (text.length > base64Length(maxImageBytes))
    throw new SlmError("USAGE", `the image has more than ${maxImageBytes} bytes`);
  const bytes = new Uint8Array(Buffer.from(text, "base64"));
  // Node skips characters that are not base64, so the result is shorter.
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  if (bytes.length !== (text.length * 3) / 4 - padding)
    throw new SlmError("DATA_INVALID", "the image is not valid base64 with padding");
  return { bytes, key: createHash("sha256").update(bytes).digest("hex") };
}

/** The file of a conversation's image; undefined if there is none.
 *
 * @throws SlmError USAGE for several images, or one that is not a base64 data URL: the server downloads no images.
 */
export function imageOfMessages(messages: ChatRequest["messages"], limits: Limits): ImageFile | undefined {
  const urls = messages.flatMap(({ content }) =>
    typeof content === "string"
      ? []
      : content.flatMap((part) => (part.type === "image_url" ? [part.image_url.url] : [])),
  );
  const [url] = urls;
  if (url === undefined) return undefined;
  if (urls.length > 1)
    throw new SlmError("USAGE", `expected at most one image in a request, got ${urls.length}`);
  const [head] = DATA_URL.exec(url.slice(0, 64)) ?? [];
  if (head === undefined)
    throw new SlmError(
      "USAGE",
      "expected a base64 data URL such as data:image/png;base64,...; other URLs are not downloaded",
    );
  return imageOfBase64(url.slice(head.length), limits);
}

/** A function that decodes images for a model with a vision tower. */
export function imageReader(
  vision: DeviceVision | undefined,
  { maxImageBytes, maxImagePixels }: Pick<ServeConfig, "maxImageBytes" | "maxImagePixels">,
): (call: { readonly file: Uint8Array }) => Promise<Float32Array> {
  const limits = { maxBytes: maxImageBytes, maxPixels: maxImagePixels };
  return async ({ file }) => {
    if (vision === undefined) throw new SlmError("UNEXPECTED", "serve: the model reads text only");
    const found = await imageOfBytes(file, "the image", limits).find();
    return patchRows(vision, await found.decode());
  };
}
