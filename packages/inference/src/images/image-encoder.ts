/** Encodes images to tokens: decodes them, cuts them into patches and runs the vision graph. Results are cached by image. */
import { GRAPH_IO, type DeviceVision } from "@slm/exported-model";
import { SlmError } from "@slm/core";
import { type HostTensor, type Session, createHostTensor } from "@slm/runtime";
import { type FoundImage, type ImageSource, patchRows, patchRowsShape } from "@slm/vision";

/** Default size of the cache [bytes]: tokens of about a hundred images with a typical vision tower. */
const KEPT_BYTES = 64 * 2 ** 20;

export interface ImageEncoderOptions {
  /** Size of the cache of image tokens; 0: no cache [bytes]. Default: 64 MiB. */
  readonly keptImageBytes?: number | undefined;
}

/**
 * The vision graph with a cache of its results, keyed by image content. Images are decoded and run one at a time: a decoded image may
 * take hundreds of megabytes, and with dynamically quantized activations the result would depend on the other images of a batch.
 */
export class ImageEncoder {
  readonly #vision: DeviceVision;
  readonly #session: Session;
  readonly #keptBytes: number;
  /** Least recently used first. */
  readonly #kept = new Map<string, Promise<HostTensor>>();
  /** Resolves when the current image and all earlier ones are done. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    vision: DeviceVision,
    session: Session,
    { keptImageBytes = KEPT_BYTES }: ImageEncoderOptions = {},
  ) {
    this.#vision = vision;
    this.#session = session;
    this.#keptBytes = keptImageBytes;
  }

  /**
   * Tokens `[1, tokens, width]` of an image, in the precision of the model. They are cached and must not be modified.
   *
   * @throws SlmError INPUT_MISSING or DATA_INVALID for an image that cannot be read, SHAPE_MISMATCH for a graph that does not match model.json.
   */
  async tokensOf(image: ImageSource): Promise<HostTensor> {
    const found = await image.find();
    const kept = this.#kept.get(found.key);
    if (kept !== undefined) {
      this.#kept.delete(found.key);
      this.#kept.set(found.key, kept);
      return kept;
    }
    const made = this.#last.then(() => this.#run(found));
    this.#last = made.catch(() => undefined);
    this.#kept.set(found.key, made);
    try {
      const tokens = await made;
      this.#forgetOldest(tokens.data.byteLength);
      return tokens;
    } catch (error) {
      this.#kept.delete(found.key);
      throw error;
    }
  }

  /** Tokens `[images, tokens, width]` of several images. @throws SlmError as {@link tokensOf} */
  async tokensOfAll(images: readonly ImageSource[]): Promise<HostTensor | undefined> {
    const each: HostTensor[] = [];
    for (const image of images) each.push(await this.tokensOf(image));
    return joinImages(each);
  }

  clear(): void {
    this.#kept.clear();
  }

  async #run(found: FoundImage): Promise<HostTensor> {
    const { tokens, width } = this.#vision;
    const rows = (await found.patchRows?.()) ?? patchRows(this.#vision, await found.decode());
    const patches = createHostTensor("float32", [1, ...patchRowsShape(this.#vision)], rows);
    const { fetched } = await this.#session.run({
      feeds: { [GRAPH_IO.patches]: patches },
      fetch: [GRAPH_IO.imageTokens],
    });
    const made = fetched[GRAPH_IO.imageTokens];
    if (made?.shape.join() === [1, tokens, width].join()) return made;
    throw new SlmError(
      "SHAPE_MISMATCH",
      `generate: '${GRAPH_IO.imageTokens}' should be [1, ${tokens}, ${width}] according to model.json, got ` +
        (made === undefined ? "nothing" : `[${made.shape.join(", ")}]`),
    );
  }

  #forgetOldest(bytesEach: number): void {
    const most = Math.floor(this.#keptBytes / bytesEach);
    while (this.#kept.size > most) this.#kept.delete(this.#kept.keys().next().value!);
  }
}

/** Stacks the tokens of images to `[images, tokens, width]`; undefined if there are none. */
export function joinImages(images: readonly HostTensor[]): HostTensor | undefined {
  const [first] = images;
  if (first === undefined || images.length === 1) return first;
  const joined = createHostTensor(first.dtype, [images.length, ...first.shape.slice(1)]);
  images.forEach(({ data }, at) => {
    joined.data.set(data as never, at * data.length);
  });
  return joined;
}

/** An image with one black pixel, to warm up a vision graph. */
export const BLANK_IMAGE: ImageSource = {
  find: () =>
    Promise.resolve({
      key: "blank",
      decode: () => Promise.resolve({ width: 1, height: 1, channels: 3, data: new Uint8Array(3) }),
    }),
};
