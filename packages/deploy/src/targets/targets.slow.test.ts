import { execFile } from "node:child_process";
import { chmod, mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { writeArtifact } from "@slm/core";
import { temporaryFolder, withCode } from "@slm/core/testing";
import { tinyDeviceModel } from "@slm/exported-model/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { TINY_FILES, writeTinyBundle } from "../bundle/tiny-bundle.test-support.js";
import { benchOnDevice, parseDeviceAddress } from "./device.js";
import { uploadToHub, writeHubLayout } from "./hub.js";
import { writeNpmPackage } from "./npm-package.js";
import { writeServerFiles } from "./server-files.js";
import { writeWebSite } from "./web-site.js";

const run = promisify(execFile);
const root = temporaryFolder({ each: true });
const bundle = join(root, "bundle");
beforeEach(() => writeTinyBundle(bundle));

describe(writeServerFiles, () => {
  test("writes a unit that reloads and stops without dropping requests, and an image with a health check", async () => {
    const output = join(root, "server");
    await writeServerFiles(bundle, output, { name: "g2p", port: 9000 });
    const unit = await readFile(join(output, "g2p.service"), "utf8");
    expect(unit).toContain(
      "ExecStart=/usr/bin/env slm serve /opt/slm/g2p/bundle --host 127.0.0.1 --port 9000\n",
    );
    expect(unit).toContain("ExecReload=/bin/kill -HUP $MAINPID");
    const image = await readFile(join(output, "Dockerfile"), "utf8");
    expect(image).toMatch(/HEALTHCHECK[^]*127\.0\.0\.1:9000\/health/);
    expect(await readFile(join(output, "bundle", "decoder.onnx"), "utf8")).toBe(TINY_FILES["decoder.onnx"]);
  });

  test.each(["a b", "x\nExecStart=/bin/sh", "../x", ""])("rejects the name %j", async (name) => {
    await expect(writeServerFiles(bundle, join(root, "s"), { name, port: 1 })).rejects.toMatchObject({
      code: "USAGE",
    });
  });
});

describe(writeNpmPackage, () => {
  const program = (): string => join(root, "program.js");
  const options = () => ({
    name: "@me/g2p",
    version: "1.2.3",
    licence: "MIT",
    programs: {
      onnxruntime: { files: { "index.js": program() }, dependencies: { x: "1.0.0" } },
      wasm: {
        files: { "index.js": program(), "kernels.wasm": program(), "open.js": program() },
        dependencies: {},
      },
    },
  });

  /** A bundle of a small model with both forms. */
  beforeEach(() =>
    writeArtifact(
      { directory: bundle, kind: "bundle", key: "npm", inputs: [], settings: {}, origins: {}, seed: 1 },
      async (work) => {
        const description = tinyDeviceModel({
          architecture: "decoder-only",
          graphs: { decoder: { file: "decoder.onnx", bytes: 1, scheme: "float32" } },
          portable: [{ file: "portable.int8.bin", bytes: 1, weights: "int8" }],
        });
        await writeFile(join(work, "model.json"), JSON.stringify(description));
        for (const file of ["README.md", "decoder.onnx", "portable.int8.bin"])
          await writeFile(join(work, file), "x");
        return {};
      },
    ),
  );

  test.each([
    ["wasm", ["index.d.ts", "index.js", "kernels.wasm", "open.d.ts", "open.js"], "portable.int8.bin"],
    ["onnxruntime", ["index.d.ts", "index.js"], "decoder.onnx"],
  ] as const)("packs the files that %s reads; the same bytes each time", async (engine, own, weights) => {
    await writeFile(program(), "export const generate = 1;\n");
    for (const name of ["a.tgz", "b.tgz"])
      await writeNpmPackage(bundle, join(root, name), { ...options(), engine });
    expect(await readFile(join(root, "a.tgz"))).toEqual(await readFile(join(root, "b.tgz")));
    await mkdir(join(root, "out"));
    await run("tar", ["-xzf", join(root, "a.tgz"), "-C", join(root, "out")]);
    const packed = join(root, "out", "package");
    expect(JSON.parse(await readFile(join(packed, "package.json"), "utf8"))).toMatchObject({
      name: "@me/g2p",
      version: "1.2.3",
      exports: { ".": { types: "./index.d.ts", default: "./index.js" } },
      dependencies: options().programs[engine].dependencies,
      files: expect.arrayContaining([...own, "model"]) as string[],
    });
    expect((await readdir(packed)).sort()).toEqual(["README.md", ...own, "model", "package.json"].sort());
    const model = (await readdir(join(packed, "model"))).filter((name) => name !== "README.md");
    expect(model.sort()).toEqual(["manifest.json", "model.json", weights].sort());
    const types = await readFile(join(packed, "index.d.ts"), "utf8");
    expect(types).toContain("export declare function generate(");
    for (const field of ["confidence: number", "abstained: boolean"]) expect(types).toContain(field);
    expect(await readFile(join(packed, "README.md"), "utf8")).toContain(
      'import { generate } from "@me/g2p";',
    );
  });

  test("rejects names and versions that npm does not take", async () => {
    for (const wrong of [{ name: "UPPER" }, { name: "../x" }, { version: "1" }]) {
      const writing = writeNpmPackage(bundle, join(root, "x.tgz"), { ...options(), ...wrong });
      await expect(writing).rejects.toMatchObject({ code: "USAGE" });
    }
  });
});

describe(writeHubLayout, () => {
  let hub: Server;
  let asked: { readonly path: string; readonly body: string; readonly token: string | undefined }[];

  beforeEach(async () => {
    asked = [];
    hub = createServer((request, response) => {
      void (async () => {
        const chunks: Buffer[] = [];
        for await (const chunk of request) chunks.push(chunk as Buffer);
        const body = Buffer.concat(chunks).toString();
        const path = request.url ?? "";
        asked.push({ path, body, token: request.headers.authorization });
        response.setHeader("content-type", "application/json");
        if (path.includes("/preupload/")) {
          const { files } = JSON.parse(body) as { files: { path: string }[] };
          response.end(
            JSON.stringify({ files: files.map((file) => ({ path: file.path, uploadMode: "regular" })) }),
          );
        } else if (path.includes("/commit/")) {
          response.end(
            JSON.stringify({
              success: true,
              commitOid: "c0ffee",
              commitUrl: "http://hub/commit/c0ffee",
              hookOutput: "",
            }),
          );
        } else response.writeHead(403).end(JSON.stringify({ error: "no" }));
      })();
    });
    await new Promise<void>((resolve) => hub.listen(0, "127.0.0.1", resolve));
  });
  afterEach(() => {
    hub.closeAllConnections();
    hub.close();
  });

  test("adds front matter to the card, and uploads every file in one commit", async () => {
    const layout = join(root, "hub");
    const paths = await writeHubLayout(bundle, layout, { licence: "apache-2.0" });
    expect(await readFile(join(layout, "README.md"), "utf8")).toMatch(
      /^---\nlicense: apache-2\.0\n[^]*\n---\n\n# tiny\n$/,
    );
    const hubUrl = `http://127.0.0.1:${(hub.address() as AddressInfo).port}`;
    const uploaded = await uploadToHub(layout, paths, { repository: "me/tiny", token: "hf_test", hubUrl });
    expect(uploaded.commit).toBe("c0ffee");
    const commit = asked.find(({ path }) => path.includes("/commit/"))!;
    expect(commit.token).toBe("Bearer hf_test");
    for (const path of ["manifest.json", ...Object.keys(TINY_FILES)])
      expect(commit.body).toContain(`"path":"${path}"`);
  });

  test("rejects a name that is no repository before anything is sent", async () => {
    await expect(uploadToHub(root, [], { repository: "../x", token: "t" })).rejects.toMatchObject({
      code: "USAGE",
    });
    expect(asked).toEqual([]);
  });
});

describe(writeWebSite, () => {
  test.each([
    ["wasm", {}, ["kernels.wasm", "page.js", "portable-worker.js"], ["portable.int8.bin"]],
    ["wasm", { symbols: 27 }, ["kernels.wasm", "page.js", "symbols-worker.js"], ["portable.int8.bin"]],
    ["onnxruntime", {}, ["model-worker.js", "ort/ort.mjs", "page.js"], ["decoder.onnx"]],
  ] as const)(
    "a site for %s and a source of %o has only their files",
    async (engine, source, shell, files) => {
      const model = [...files, "model.json", "tokenizer_config.json"].sort();
      const page = join(root, "page");
      await mkdir(join(page, "ort"), { recursive: true });
      const workers = ["portable-worker.js", "symbols-worker.js", "model-worker.js"];
      for (const file of [...workers, "kernels.wasm", "page.js", "ort/ort.mjs"])
        await writeFile(join(page, file), "x");
      await writeArtifact(
        { directory: bundle, kind: "bundle", key: "web", inputs: [], settings: {}, origins: {}, seed: 1 },
        async (work) => {
          const graph = { file: "decoder.onnx", bytes: 1, scheme: "float32" };
          const description = tinyDeviceModel({
            architecture: "decoder-only",
            target: "web",
            graphs: { decoder: graph },
            portable: [{ file: "portable.int8.bin", bytes: 1, weights: "int8" }],
          });
          await writeFile(join(work, "model.json"), JSON.stringify(description));
          await writeFile(join(work, "tokenizer_config.json"), JSON.stringify({ source }));
          for (const file of ["decoder.onnx", "portable.int8.bin"]) await writeFile(join(work, file), "x");
          return {};
        },
      );
      const site = join(root, "site");
      const written = await writeWebSite(bundle, site, { page, title: "x", engine });
      const ofModel = model.map((file) => `model/${file}`);
      expect([...written].sort()).toEqual([...shell, ...ofModel, "site.json"].sort());
      expect(JSON.parse(await readFile(join(site, "site.json"), "utf8"))).toMatchObject({ engine });
      expect(await readdir(join(site, "model"))).toEqual(["manifest.json", ...model].sort());
    },
  );

  test("rejects a model that is not for browsers", async () => {
    await writeArtifact(
      { directory: bundle, kind: "bundle", key: "npu", inputs: [], settings: {}, origins: {}, seed: 1 },
      async (work) => {
        const graph = { file: "d.onnx", bytes: 1, scheme: "qdq" };
        const model = tinyDeviceModel({
          architecture: "decoder-only",
          target: "npu",
          scheme: "qdq",
          graphs: { decoder: graph },
        });
        await writeFile(join(work, "model.json"), JSON.stringify(model));
        return {};
      },
    );
    const writing = writeWebSite(bundle, join(root, "site"), { page: root, title: "x" });
    await expect(writing).rejects.toMatchObject({ code: "OP_UNSUPPORTED" });
    expect(await readdir(root)).not.toContain("site");
  });
});

/** Puts programs with these names on the search path. They record their arguments and answer like a device. */
async function fakePrograms(names: readonly string[], benchJson: string): Promise<string> {
  const directory = join(root, "bin");
  await mkdir(directory);
  for (const name of names) {
    const script = `#!/bin/sh
printf '%s|' "${name}" "$@" >> '${root}/calls'; echo >> '${root}/calls'
case "$*" in *unreachable*) echo "no route to host" >&2; exit 255;; *" bench "*) printf '%s' '${benchJson}';; esac
`;
    await writeFile(join(directory, name), script);
    await chmod(join(directory, name), 0o755);
  }
  return directory;
}

describe(benchOnDevice, () => {
  const path = process.env["PATH"];
  const options = { directory: "models", command: "slm", signal: new AbortController().signal };
  beforeEach(async () => {
    process.env["PATH"] =
      `${await fakePrograms(["ssh", "scp", "adb"], '{"result":{"n":1}}')}${delimiter}${path ?? ""}`;
  });
  afterEach(() => {
    process.env["PATH"] = path;
  });

  test("copies over ssh, verifies and measures there", async () => {
    const result = await benchOnDevice(join(root, "m.slm"), parseDeviceAddress("ssh:pi@board"), options);
    expect(result).toEqual({ result: { n: 1 } });
    const calls = (await readFile(join(root, "calls"), "utf8")).trim().split("\n");
    expect(calls).toEqual([
      "ssh|-o|BatchMode=yes|pi@board|mkdir -p models|",
      `scp|-q|-B|${root}/m.slm|pi@board:models/m.slm|`,
      "ssh|-o|BatchMode=yes|pi@board|slm verify models/m.slm|",
      "ssh|-o|BatchMode=yes|pi@board|slm bench models/m.slm --json|",
    ]);
  });

  test("does the same over adb, on one of several devices", async () => {
    await benchOnDevice(join(root, "m.slm"), parseDeviceAddress("adb:emulator-5554"), options);
    const calls = (await readFile(join(root, "calls"), "utf8")).trim().split("\n");
    expect(calls[1]).toBe(`adb|-s|emulator-5554|push|${root}/m.slm|models/m.slm|`);
    expect(calls[3]).toBe("adb|-s|emulator-5554|shell|slm bench models/m.slm --json|");
  });

  test("says that a device cannot be reached, in the program's words", async () => {
    const benching = benchOnDevice(join(root, "m.slm"), parseDeviceAddress("ssh:unreachable"), options);
    await expect(benching).rejects.toMatchObject({
      code: "DEVICE_UNAVAILABLE",
      message: expect.stringContaining("no route to host") as string,
    });
  });

  test.each(["-oProxyCommand=x", "ssh:-x", "ssh:a;b", "ssh:", "telnet:x", "adb:a b"])(
    "rejects the device %j",
    (text) => {
      expect(() => parseDeviceAddress(text)).toThrow(withCode("USAGE"));
    },
  );

  test.each(["a;b", "$(x)", "a b", "-x"])(
    "rejects the directory %j, which a shell would read",
    async (directory) => {
      const benching = benchOnDevice("m.slm", parseDeviceAddress("adb"), { ...options, directory });
      await expect(benching).rejects.toMatchObject({ code: "USAGE" });
    },
  );
});
