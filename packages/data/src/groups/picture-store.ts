/** Writes each image of the rows once into the data directory, and counts the images. */
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { writeBytesUnflushed, SlmError } from "@slm/core";
import type { Group } from "./group-rows.js";
import { HashTable } from "../storage/hash-table.js";
import { ImageCounter, type ImageStatistics } from "../statistics/image-statistics.js";
import { picturePath, type Picture, type PictureSource } from "../images/picture.js";
import { isWhole } from "../images/whole.js";

/** Images drawn and written concurrently. */
const AT_ONCE = 64;

/** A group of rows with its image and the image's path in the data directory. */
interface Wanted {
  readonly group: Group;
  readonly picture: Picture;
  readonly path: string;
}

export class PictureStore {
  readonly #directory: string;
  readonly #sources: readonly PictureSource[];
  readonly #seen = new HashTable();
  readonly #counter = new ImageCounter();

  /** @param sources image sources of the inputs, by input number */
  constructor(directory: string, sources: readonly PictureSource[]) {
    this.#directory = directory;
    this.#sources = sources;
  }

  /**
   * Writes the images of groups. Complete images of an interrupted run are kept.
   *
   * @param check called between batches; may throw
   */
  async keep(groups: readonly Group[], check: () => void): Promise<void> {
    const wanted = groups.flatMap((group) => this.#unseen(group));
    for (let start = 0; start < wanted.length; start += AT_ONCE) {
      check();
      const part = wanted.slice(start, start + AT_ONCE);
      const there = await Promise.all(part.map((one) => this.#sizeOf(one)));
      for (const [index, { picture }] of part.entries()) {
        const size = there[index];
        if (size !== undefined) this.#counter.add(picture, size);
      }
      await this.#write(part.filter((_, index) => there[index] === undefined));
    }
  }

  /** Undefined if no row has an image. */
  summary(): ImageStatistics | undefined {
    return this.#counter.summary();
  }

  #unseen(group: Group): readonly Wanted[] {
    const { picture, split } = group;
    if (picture === undefined) return [];
    const path = picturePath(split, picture);
    return this.#seen.seen(path) ? [] : [{ group, picture, path }];
  }

  /** The file's bytes if it exists and is complete. */
  async #sizeOf({ picture, path }: Wanted): Promise<number | undefined> {
    const full = join(this.#directory, path);
    const { size } = (await stat(full).catch(() => undefined)) ?? {};
    return size !== undefined && isWhole(await readFile(full), picture) ? size : undefined;
  }

  async #write(wanted: readonly Wanted[]): Promise<void> {
    for (const [input, source] of this.#sources.entries()) {
      const own = wanted.filter(({ group }) => group.file === input);
      if (own.length === 0) continue;
      const pictures = await source.read(own.map(({ group, picture }) => ({ row: group.row, picture })));
      await Promise.all(
        own.map(async ({ picture, path, group }, index) => {
          const bytes = pictures[index]!;
          if (!isWhole(bytes, picture)) throw changed(group);
          this.#counter.add(picture, bytes.length);
          await writeBytesUnflushed(join(this.#directory, path), bytes);
        }),
      );
    }
  }
}

function changed({ row }: Group): SlmError {
  return new SlmError(
    "DATA_INVALID",
    `data: image ${JSON.stringify(row.image)}: the file changed while the rows were read`,
    { context: { image: row.image } },
  );
}
