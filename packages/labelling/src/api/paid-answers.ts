/**
 * Stores answers that were paid for under the hash of their request, one object per answer, with a checksum.
 *
 *   <folder>/requests/<hash of the request>   the checksum, a space, the answer as JSON
 */
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { readFailure, sha256, SlmError, systemCode, writeBytesAtomic } from "@slm/core";
import { storedAnswer, type StoredAnswer } from "./api-answer.js";
import type { ApiFile } from "./api-file.js";
import type { PaidAnswers } from "./api-sharing.js";

/** Storage of answers. An object is stored completely or not at all. */
interface AnswerObjects {
  get(key: string): Promise<Buffer | undefined>;
  put(key: string, bytes: Uint8Array): Promise<void>;
}

/** Answers in a folder on this machine. The first answer creates the folder; only its owner can read it. */
export function localAnswers(directory: string): PaidAnswers {
  return answersIn("", {
    get: async (key) => {
      const file = join(directory, key);
      try {
        return await readFile(file);
      } catch (error) {
        if (systemCode(error) === "ENOENT") return undefined;
        throw readFailure(error, file);
      }
    },
    put: async (key, bytes) => {
      // If it cannot be created, the write fails with an error.
      await mkdir(directory, { recursive: true, mode: 0o700 }).catch(() => undefined);
      await writeBytesAtomic(join(directory, key), bytes);
    },
  });
}

/** Answers in a shared storage, for one server and model. A stored answer is available to all machines at once, so it is not paid for again. */
export function sharedAnswers(objects: AnswerObjects, file: ApiFile): PaidAnswers {
  return answersIn(`answers/${serverFolder(file)}/`, objects);
}

/** Name of the folder for a server and model. */
export const serverFolder = ({ request: { baseUrl, model } }: ApiFile): string =>
  sha256(`${baseUrl}\n${model}`).slice(0, 32);

function answersIn(folder: string, objects: AnswerObjects): PaidAnswers {
  const read = async (key: string): Promise<StoredAnswer | undefined> => {
    const text = (await objects.get(key))?.toString("utf8");
    if (text === undefined) return undefined;
    const [hash, answer] = [text.slice(0, 64), text.slice(65)];
    if (sha256(answer) === hash) return storedAnswer.parse(JSON.parse(answer));
    throw new SlmError("DATA_INVALID", `stored answers: ${key} does not match its checksum`, {
      suggestions: ["delete it; the answer will be requested and paid for again"],
    });
  };
  return {
    get: (request) => read(`${folder}requests/${request}`),
    put: async (request, answer) => {
      const text = JSON.stringify(answer);
      await objects.put(`${folder}requests/${request}`, Buffer.from(`${sha256(text)} ${text}`));
    },
  };
}
