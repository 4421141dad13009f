/**
 * Shared storage in a bucket of S3 or a compatible service. Credentials, region and endpoint come from the environment as in AWS's own
 * tools (`AWS_ACCESS_KEY_ID`, `AWS_PROFILE`, a role of the machine, `AWS_REGION`, `AWS_ENDPOINT_URL_S3`), so jobs and flags contain no
 * secrets.
 */
import {
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from "@aws-sdk/client-s3";
import { SlmError } from "@slm/core";
import { MOST_BYTES, tooLarge, type ObjectStore } from "./object-store.js";

/** Number of attempts per request. The client increases the pauses between them. */
const ATTEMPTS = 8;

/** Other endpoints than Amazon's rarely have a host name per bucket. */
const hasOwnEndpoint = (): boolean =>
  (process.env.AWS_ENDPOINT_URL_S3 ?? process.env.AWS_ENDPOINT_URL ?? "") !== "";

/**
 * Opens a bucket, which must exist.
 *
 * @param url `s3://bucket/prefix`; the prefix is optional
 * @throws SlmError USAGE for another form of address, INPUT_MISSING if the bucket cannot be reached with these credentials
 */
export async function openS3Store(url: string): Promise<ObjectStore> {
  const { hostname: bucket, pathname, protocol } = new URL(url);
  if (protocol !== "s3:" || bucket === "")
    throw new SlmError("USAGE", `shared storage: expected s3://bucket/prefix, got '${url}'`);
  const prefix = pathname.replace(/^\/+|\/+$/gu, "");
  const client = new S3Client({ maxAttempts: ATTEMPTS, forcePathStyle: hasOwnEndpoint() });
  const shown = `s3://${bucket}${prefix === "" ? "" : `/${prefix}`}`;
  const at = (key: string): string => (prefix === "" ? key : `${prefix}/${key}`);
  const failure = (error: unknown, doing: string, code: "INPUT_MISSING" | "OUTPUT_FAILED"): SlmError =>
    new SlmError(code, `shared storage: cannot ${doing} ${shown}: ${reasonOf(error)}`, {
      context: { storage: shown },
      suggestions: ["check AWS_REGION, AWS_ENDPOINT_URL_S3 and the credentials in the environment"],
      cause: error,
    });
  try {
    await client.send(new HeadBucketCommand({ Bucket: bucket }));
  } catch (error) {
    client.destroy();
    throw failure(error, "open", "INPUT_MISSING");
  }

  /** Keys in a folder, one page at a time. */
  async function* pages(folder: string): AsyncGenerator<string[]> {
    let next: string | undefined;
    do {
      const page = await client.send(
        new ListObjectsV2Command({ Bucket: bucket, Prefix: `${at(folder)}/`, ContinuationToken: next }),
      );
      yield (page.Contents ?? []).flatMap(({ Key }) => (Key === undefined ? [] : [Key]));
      next = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    } while (next !== undefined);
  }

  return {
    shown,
    put: async (key, bytes) => {
      try {
        await client.send(new PutObjectCommand({ Bucket: bucket, Key: at(key), Body: bytes }));
      } catch (error) {
        throw failure(error, "write to", "OUTPUT_FAILED");
      }
    },
    get: async (key, mostBytes = MOST_BYTES) => {
      try {
        const found = await client.send(new GetObjectCommand({ Bucket: bucket, Key: at(key) }));
        const { Body, ContentLength = Infinity } = found;
        if (ContentLength > mostBytes) {
          // Cancel the body, so that the connection does not wait for a reader.
          await Body?.transformToWebStream().cancel();
          throw tooLarge(`${shown}/${key}`, ContentLength, mostBytes);
        }
        return Body === undefined ? undefined : Buffer.from(await Body.transformToByteArray());
      } catch (error) {
        if (isMissing(error)) return undefined;
        if (error instanceof SlmError) throw error;
        throw failure(error, "read from", "INPUT_MISSING");
      }
    },
    has: async (key) => {
      try {
        await client.send(new HeadObjectCommand({ Bucket: bucket, Key: at(key) }));
        return true;
      } catch (error) {
        if (isMissing(error)) return false;
        throw failure(error, "read from", "INPUT_MISSING");
      }
    },
    removeFolder: async (folder) => {
      try {
        for await (const keys of pages(folder)) {
          if (keys.length === 0) continue;
          const Objects = keys.map((Key) => ({ Key }));
          await client.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }));
        }
      } catch (error) {
        throw failure(error, "remove from", "OUTPUT_FAILED");
      }
    },
    close: () => {
      client.destroy();
    },
  };
}

const isMissing = (error: unknown): boolean =>
  error instanceof S3ServiceException && error.$metadata.httpStatusCode === 404;

/** The service's error name. Its message could contain signed content. */
function reasonOf(error: unknown): string {
  if (error instanceof S3ServiceException)
    return `${error.name} (status ${String(error.$metadata.httpStatusCode)})`;
  return error instanceof Error ? error.message : String(error);
}
