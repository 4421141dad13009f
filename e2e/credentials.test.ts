/** No client sends a secret to a second origin, no matter what the first one responds. */
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SlmError } from "@slm/core";
import { startFetchServer, startTunnel, type FetchServer, temporaryFolder } from "@slm/core/testing";
import { beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { z } from "zod";
import { resolveModel } from "../packages/checkpoints/src/hub/resolve-model.js";
import { writeTinyBundle } from "../packages/deploy/src/bundle/tiny-bundle.test-support.js";
import { startMemoryRegistry } from "../packages/deploy/src/oci/memory-registry.test-support.js";
import { pullBundle } from "../packages/deploy/src/oci/pull.js";
import { pushBundle } from "../packages/deploy/src/oci/push.js";
import { parseOciReference } from "../packages/deploy/src/oci/reference.js";
import { uploadToHub } from "../packages/deploy/src/targets/hub.js";
import { MlflowClient } from "../packages/extension-trackers/src/mlflow/mlflow-client.js";
import { postJson } from "../packages/labelling/src/api/post-json.js";
import { curious, SCENARIOS, type Client, type Scenario } from "./credential-scenarios.js";

/** Every secret contains this word. */
const WORD = "SECRET";
const CREDENTIALS = { user: "me", password: `pass-${WORD}` };

const root = temporaryFolder();
let bundle = "";
/** Responses of a registry that has the bundle, by the last part of the address. */
const stored = new Map<string, Buffer>();
beforeAll(async () => {
  bundle = await writeTinyBundle(join(root, "bundle"));
  const registry = await startMemoryRegistry();
  await pushBundle(bundle, parseOciReference(`${registry.host}/team/model:1`));
  for (const [name, bytes] of [...registry.blobs, ...registry.manifests]) stored.set(name, bytes);
  await registry.close();
});

/** A client's request to an address, with its secret. */
const CLIENTS: Readonly<Record<Client, (origin: string) => Promise<unknown>>> = {
  pull: (origin) =>
    pullBundle(parseOciReference(`${new URL(origin).host}/team/model:1`), join(root, "pulled"), {
      credentials: CREDENTIALS,
    }),
  push: (origin) =>
    pushBundle(bundle, parseOciReference(`${new URL(origin).host}/team/model:1`), {
      credentials: CREDENTIALS,
    }),
  hub: (origin) => {
    vi.stubEnv("HF_ENDPOINT", origin);
    vi.stubEnv("HF_HUB_CACHE", join(root, "hub"));
    vi.stubEnv("HF_HUB_OFFLINE", "");
    vi.stubEnv("HF_TOKEN", `hf_${WORD}`);
    return resolveModel("acme/tiny");
  },
  hubUpload: async (origin) => {
    await writeFile(join(root, "README.md"), "# tiny");
    return uploadToHub(root, ["README.md"], { repository: "acme/tiny", token: `hf_${WORD}`, hubUrl: origin });
  },
  teacher: (origin) =>
    postJson({
      url: `${origin}/v1/chat/completions`,
      body: {},
      key: `sk-${WORD}`,
      silenceMs: 5000,
      signal: new AbortController().signal,
    }),
  mlflow: (origin) =>
    new MlflowClient({ url: origin, token: `ml-${WORD}` }).get("runs", {}, z.looseObject({})),
};

/** Whether a text contains a secret, in clear text or base64. */
function showsSecret(text: string): boolean {
  const words = text
    .split(/[\s"]+/u)
    .flatMap((word) => [word, Buffer.from(word, "base64").toString("latin1")]);
  return words.some((word) => word.includes(WORD));
}

interface Ended {
  readonly home: FetchServer;
  readonly elsewhere: FetchServer;
  /** The requests that a proxy received. */
  readonly told: readonly string[];
  readonly ending: unknown;
}

/** Runs a scenario. */
async function play({ client, home: answer, elsewhere: other, isSecure }: Scenario): Promise<Ended> {
  const home = await startFetchServer({ tls: isSecure ?? false });
  const elsewhere = await startFetchServer();
  const tunnel = await startTunnel(home.port);
  onTestFinished(async () => {
    for (const place of [home, elsewhere, tunnel]) await place.close();
    await rm(join(root, "hub"), { recursive: true, force: true });
  });
  const registry: FetchServer["handle"] = ({ url = "" }, response) => {
    const found = stored.get(url.split("/").at(-1) ?? "");
    response.writeHead(found === undefined ? 404 : 200).end(found);
  };
  const places = { home, elsewhere, registry };
  home.handle = answer(places);
  elsewhere.handle = other?.(places) ?? curious;
  if (isSecure === true) {
    vi.stubEnv("NODE_TLS_REJECT_UNAUTHORIZED", "0");
    vi.stubEnv("HTTPS_PROXY", tunnel.address);
  }
  const origin = isSecure === true ? "https://home.invalid" : home.origin;
  const ending = await CLIENTS[client](origin).catch((error: unknown) => error);
  return { home, elsewhere, told: tunnel.seen, ending };
}

describe("no secret is shown to a second origin when", () => {
  test.each(SCENARIOS.map((scenario) => [scenario.what, scenario] as const))("%s", async (_, scenario) => {
    const { home, elsewhere, told, ending } = await play(scenario);
    expect(home.seen.length).toBeGreaterThan(0);
    expect(elsewhere.seen.length > 0).toBe(scenario.isNotAsked !== true);
    expect(elsewhere.seen.filter(showsSecret)).toEqual([]);
    expect(told.filter(showsSecret)).toEqual([]);
    // The error message must not contain it either, and no scenario can cause an internal error.
    if (ending instanceof SlmError) expect(ending.code).not.toBe("UNEXPECTED");
    expect(ending).not.toBeInstanceOf(TypeError);
    const { message = "", stack = "" } = ending instanceof Error ? ending : {};
    expect(showsSecret(`${message} ${stack} ${JSON.stringify(ending)}`)).toBe(false);
  });

  test("and every client does show its secret to its own origin", async () => {
    for (const client of Object.keys(CLIENTS) as Client[]) {
      const { home } = await play({
        what: "",
        client,
        home:
          () =>
          ({ headers }, response) => {
            const isKnown = headers.authorization !== undefined;
            response.writeHead(isKnown ? 404 : 401, { "www-authenticate": 'Basic realm="r"' }).end("{}");
          },
      });
      expect(home.seen.some(showsSecret), client).toBe(true);
    }
  });
});
