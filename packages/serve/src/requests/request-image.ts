/** Images in requests: base64 under limits. */
import { SlmError } from "@slm/core";
import type { ServeConfig } from "../serve-config.js";
import type { ChatRequest } from "../http/schemas.js";

type Limits = Pick<ServeConfig, "maxImageBytes">;

/** Length of the base64 encoding of some bytes, padding included. */
export const base64Length = (bytes: number): number => 4 * Math.ceil(bytes / 3);

const DATA_URL = /^data:image\/[a-z0-9.+-]{1,32};base64,/i;

/** The bytes of an image's file. @throws SlmError DATA_INVALID for text that is not base64, USAGE for more bytes than the limit. */
export function imageOfBase64(text: string, { maxImageBytes }: Limits): Uint8Array<ArrayBuffer> {
  if (text.length > base64Length(maxImageBytes))
    throw new SlmError("USAGE", `the image has more than ${maxImageBytes} bytes`);
  const bytes = new Uint8Array(Buffer.from(text, "base64"));
  // Node skips characters that are not base64, which gives fewer bytes.
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  if (bytes.length !== (text.length * 3) / 4 - padding)
    throw new SlmError("DATA_INVALID", "the image is not base64 with its padding");
  return bytes;
}

/** The file of a conversation's image; undefined if there is none.
 *
 * @throws SlmError USAGE for several images, or one that is not a base64 data URL: the server downloads no images.
 */
export function imageOfMessages(
  messages: ChatRequest["messages"],
  limits: Limits,
): Uint8Array<ArrayBuffer> | undefined {
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
