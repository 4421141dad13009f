/** A malicious hub, or an attacker on the network: who receives the token, and whether requests end. */
import type { ServerResponse } from "node:http";
import { startFetchServer, type FetchServer } from "@slm/core/testing";
import { expect, onTestFinished, test, vi } from "vitest";
import { resolveModel } from "./resolve-model.js";
import { REPO, startFakeHub, TOKEN, type FakeFile, type FakeHub } from "./testing/fake-hub.test-support.js";

const files = (): Record<string, FakeFile> => ({ "config.json": { content: Buffer.from("{}") } });

async function gatedHub(): Promise<FakeHub> {
  const hub = await startFakeHub(files());
  hub.isGated = true;
  vi.stubEnv("HF_TOKEN", TOKEN);
  return hub;
}

/** Another origin, which records what it receives. */
async function startThief(): Promise<FetchServer> {
  const thief = await startFetchServer();
  onTestFinished(() => thief.close());
  thief.handle = (_, response) => response.end("[]");
  return thief;
}

const expectNoToken = ({ seen }: FetchServer): void => {
  expect(seen.length).toBeGreaterThan(0);
  expect(seen.join().toLowerCase()).not.toContain("authorization");
};

const isListing = (path: string): boolean => path.includes("/tree/");

const page =
  (link: string) =>
  (path: string, response: ServerResponse): boolean => {
    if (!isListing(path)) return false;
    response.setHeader("link", `<${link}>; rel="next"`);
    response.end("[]");
    return true;
  };

test("a listing that goes on at another origin does not get the token", async () => {
  const [hub, thief] = [await gatedHub(), await startThief()];
  hub.instead = page(`${thief.origin}/page2`);
  await expect(resolveModel(REPO)).rejects.toMatchObject({ code: "INPUT_MISSING" });
  expectNoToken(thief);
});

test("a file that is redirected to another origin does not get the token", async () => {
  const [hub, thief] = [await gatedHub(), await startThief()];
  hub.instead = (path, response) => {
    if (!path.includes("/resolve/")) return false;
    response.writeHead(302, { location: `${thief.origin}/file` }).end();
    return true;
  };
  hub.files["model.safetensors"] = { content: Buffer.from("weights"), isLarge: true };
  await expect(resolveModel(REPO)).rejects.toMatchObject({ code: "DATA_INVALID" });
  expectNoToken(thief);
});

test("a listing without an end is ended", async () => {
  const hub = await gatedHub();
  hub.instead = page(`${hub.url}/api/models/${REPO}/tree/again`);
  await expect(resolveModel(REPO)).rejects.toMatchObject({ code: "DATA_INVALID" });
  expect(hub.requests.length).toBeLessThan(100);
});

test.each([
  ["the model", (path: string) => path.includes("/revision/")],
  ["the listing", isListing],
])(
  "%s in what is no JSON, or JSON of another kind, is invalid data and not a bug of slm",
  async (_, isMeant) => {
    for (const text of ["<html>", '{"sha":1}', "[1]", "null", '[{"type":"file"}]']) {
      const hub = await gatedHub();
      hub.instead = (path, response) => {
        if (!isMeant(path)) return false;
        response.setHeader("content-type", "application/json");
        response.end(text);
        return true;
      };
      await expect(resolveModel(REPO), text).rejects.toMatchObject({
        code: expect.stringMatching(/^(DATA_INVALID|INPUT_MISSING)$/u) as string,
      });
    }
  },
);
