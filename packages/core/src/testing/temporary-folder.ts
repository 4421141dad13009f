import { randomUUID } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";

/**
 * The path of a folder that exists, empty at first, while the tests of the file or of the block around the call run.
 *
 * @param each whether every test has an empty folder
 */
export function temporaryFolder({ each = false } = {}): string {
  const folder = join(tmpdir(), `slm-test-${randomUUID()}`);
  const [before, after] = each ? [beforeEach, afterEach] : [beforeAll, afterAll];
  before(() => mkdir(folder));
  after(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}
