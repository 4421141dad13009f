import { withCode } from "@slm/core/testing";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { SlmError, sha256 } from "@slm/core";
import { addPlugin } from "./add-plugin.js";
import { bytesOf, findPlugin } from "./installed.js";
import { removePlugin } from "./remove-plugin.js";
import {
  elf,
  fileHere,
  libraryHere,
  pe,
  qnnFiles,
  recordLine,
  wheelEntries,
  writeWheel,
  type WheelOptions,
} from "./test-packages.test-support.js";
import { useTestStore } from "./test-store.test-support.js";

const { at, store, add, addWheel, stored } = useTestStore();

const PROVIDER = `onnxruntime_qnn/${fileHere("onnxruntime_providers_qnn")}`;
const BACKEND = `onnxruntime_qnn/${fileHere("QnnHtp")}`;

describe(addPlugin, () => {
  test("unpacks a known wheel in its own layout, without Python's files, and names its libraries", async () => {
    const { plugin, manifest, wasInstalled } = await addWheel();
    expect(wasInstalled).toBe(false);
    expect(plugin).toEqual({
      name: "qnn",
      version: "2.7.0",
      registrationName: "QNNExecutionProvider",
      library: join(plugin.folder, PROVIDER),
      options: { backend_path: join(plugin.folder, BACKEND) },
      preload: [],
      serves: ["npu:qnn"],
      folder: join(store(), "qnn", "2.7.0", `${process.platform}-${process.arch}`, "files"),
    });
    expect(manifest.files.map(({ path }) => path).sort()).toEqual(
      Object.keys(qnnFiles())
        .filter((path) => !path.endsWith(".py"))
        .sort(),
    );
    expect(await readFile(plugin.library)).toEqual(libraryHere("provider"));
    expect(manifest.files.find(({ path }) => path === BACKEND)?.sha256).toBe(sha256(libraryHere("backend")));
    expect(await findPlugin("npu", "qnn", store())).toEqual(plugin);
    expect(await findPlugin("npu", "openvino", store())).toBeUndefined();
  });

  test("shows the licence before anything is unpacked, terms first, and unpacks nothing without acceptance", async () => {
    const refused = new SlmError("INTERRUPTED", "no");
    const offers: unknown[] = [];
    const accept = (offer: unknown): Promise<void> => {
      offers.push(offer);
      return Promise.reject(refused);
    };
    await expect(addWheel({}, { accept })).rejects.toBe(refused);
    expect(offers).toEqual([
      expect.objectContaining({
        name: "qnn",
        version: "2.7.0",
        tried: null,
        licence: expect.objectContaining({
          declared: "MIT License",
          texts: [
            { path: "onnxruntime_qnn/LICENSE", lines: ["MIT License", "Copyright (c) the vendor"] },
            { path: "onnxruntime_qnn/Qualcomm_LICENSE.pdf", lines: [] },
          ],
        }) as unknown,
      }),
    ]);
    expect(await stored()).toEqual([]);
  });

  test("does not print control characters of a licence", async () => {
    let shown: readonly string[] = [];
    await addWheel(
      { files: { ...qnnFiles(), "onnxruntime_qnn/LICENSE": "\u001b[2JMIT\u0007 License\u202e\n" } },
      {
        accept: ({ licence }) => {
          shown = licence.texts[0]!.lines;
          return Promise.resolve();
        },
      },
    );
    expect(shown).toEqual(["[2JMIT License"]);
  });

  test.each<[string, WheelOptions, RegExp]>([
    [
      "whose RECORD has another hash",
      {
        record: (lines) =>
          lines.map((line) =>
            line.startsWith(PROVIDER) ? line.replace(/sha256=..../u, "sha256=AAAA") : line,
          ),
      },
      /does not match the package's RECORD/,
    ],
    [
      "whose RECORD has another size",
      {
        record: (lines) =>
          lines.map((line) => (line.startsWith(PROVIDER) ? line.replace(/\d$/u, "7") : line)),
      },
      /does not match the package's RECORD/,
    ],
    [
      "for another processor",
      { files: { ...qnnFiles(), [PROVIDER]: elf("hexagon") } },
      /built for linux-hexagon, this is/,
    ],
    [
      "with a backend for another processor",
      { files: { ...qnnFiles(), [BACKEND]: elf("hexagon") } },
      /QnnHtp.* is built for/,
    ],
    ["whose library is not one", { files: { ...qnnFiles(), [PROVIDER]: "#!/bin/sh\n" } }, /is not a library/],
    [
      "without the library",
      { files: { "onnxruntime_qnn/LICENSE": "MIT" } },
      /it has no .*onnxruntime_providers_qnn/,
    ],
    ["with the library but not its backend", { files: { [PROVIDER]: libraryHere() } }, /it has no .*QnnHtp/],
    ["with an unlisted file", { more: [{ path: "onnxruntime_qnn/x.so", data: "x" }] }, /not in its RECORD/],
    ["with a path out of it", { more: [{ path: "../x.so", data: "x" }] }, /\.\./],
    ["with a link", { more: [{ path: "l.so", data: "/etc", declared: { mode: 0o120777 } }] }, /is a link/],
  ])("rejects a wheel %s, and leaves nothing", async (_, options, reason) => {
    await expect(addWheel(options)).rejects.toThrow(reason);
    await expect(add("plugin.whl")).rejects.toMatchObject({ code: "DATA_INVALID" });
    expect(await stored()).toEqual([]);
  });

  test.runIf(process.platform === "linux")(
    "names the platform of a wheel for another system, with the command for this one",
    async () => {
      const files = {
        "onnxruntime_qnn/onnxruntime_providers_qnn.dll": pe("arm64"),
        "onnxruntime_qnn/QnnHtp.dll": pe("arm64"),
      };
      await expect(addWheel({ files })).rejects.toMatchObject({
        code: "DATA_INVALID",
        message: expect.stringMatching(
          /another platform: it has onnxruntime_qnn\/onnxruntime_providers_qnn\.dll/,
        ) as string,
        suggestions: [expect.stringContaining("pip download --no-deps onnxruntime-qnn==2.7.0")],
      });
    },
  );

  test("compares the file with the hash that the user has", async () => {
    await writeWheel(at("plugin.whl"));
    const hash = sha256(await readFile(at("plugin.whl")));
    await expect(add("plugin.whl", { sha256: "0".repeat(64) })).rejects.toThrow(withCode("DATA_INVALID"));
    await expect(add("plugin.whl", { sha256: "abc" })).rejects.toMatchObject({ code: "USAGE" });
    expect((await add("plugin.whl", { sha256: hash.toUpperCase() })).manifest.source).toEqual({
      kind: "wheel",
      file: "plugin.whl",
      sha256: hash,
      package: "onnxruntime-qnn",
      mismatches: [],
    });
  });

  test("accepts a wheel with libraries that were signed after its RECORD was written only with the hash of the whole wheel", async () => {
    await writeWheel(at("signed.whl"), {
      record: (lines) => [
        ...lines.filter((line) => !line.startsWith(PROVIDER)),
        recordLine(PROVIDER, libraryHere("not signed")),
      ],
    });
    await expect(add("signed.whl")).rejects.toMatchObject({
      code: "DATA_INVALID",
      context: { mismatches: [PROVIDER] },
      suggestions: expect.arrayContaining([expect.stringContaining("--sha256 HASH")]) as unknown,
    });
    expect(await stored()).toEqual([]);
    const hash = sha256(await readFile(at("signed.whl")));
    expect((await add("signed.whl", { sha256: hash })).manifest.source.mismatches).toEqual([PROVIDER]);
  });

  test("answers the name of a known plug-in with its download command, and other names with what is missing", async () => {
    await expect(addPlugin({ source: "qnn", accept: () => Promise.resolve() })).rejects.toMatchObject({
      code: "USAGE",
      suggestions: ["pip download --no-deps onnxruntime-qnn==2.7.0", "slm device add onnxruntime_qnn-*.whl"],
    });
    await expect(add("missing.whl")).rejects.toMatchObject({ code: "INPUT_MISSING" });
  });

  test("requires the version of ONNX Runtime of the CUDA provider, and takes two of its files", async () => {
    const files = {
      "onnxruntime/LICENSE": "MIT License",
      [`onnxruntime/capi/${fileHere("onnxruntime_providers_cuda")}`]: libraryHere("cuda"),
      [`onnxruntime/capi/${fileHere("onnxruntime_providers_shared")}`]: libraryHere("shared"),
      "onnxruntime/capi/libonnxruntime.so.1.30.0": libraryHere("all of it"),
    };
    const wheel = { name: "onnxruntime-gpu", files };
    await expect(addWheel({ ...wheel, version: "1.29.0" })).rejects.toThrow(withCode("DATA_INVALID"));
    const { manifest } = await addWheel({ ...wheel, version: "1.30.0" });
    expect(manifest.files.map(({ path }) => path)).not.toContain("onnxruntime/capi/libonnxruntime.so.1.30.0");
    expect(manifest.files).toHaveLength(3);
    expect(manifest.onnxRuntime).toBe("1.30.0");
  });

  test.runIf(process.platform === "linux")(
    "gives libraries of TensorRT for RTX the names that others ask for",
    async () => {
      const folder = "onnxruntime_ep_nv_tensorrt_rtx";
      const files = Object.fromEntries(
        [
          "libonnxruntime_providers_nv_tensorrt_rtx.so",
          "libcudart.so.13.4.36",
          "libtensorrt_rtx.so.1.7.1",
          "libtensorrt_onnxparser_rtx.so.1.7.1",
        ].map((file) => [`${folder}/${file}`, libraryHere(file)]),
      );
      const { plugin, manifest } = await addWheel({
        name: "onnxruntime-ep-nv-tensorrt-rtx-cu13",
        version: "0.5.0",
        files,
      });
      expect(plugin.preload).toEqual(
        ["libcudart.so.13", "libtensorrt_rtx.so.1", "libtensorrt_onnxparser_rtx.so.1"].map((file) =>
          join(plugin.folder, folder, file),
        ),
      );
      expect(await readFile(plugin.preload[1]!)).toEqual(libraryHere("libtensorrt_rtx.so.1.7.1"));
      expect(await readFile(join(plugin.folder, folder, "libtensorrt_rtx.so"))).toEqual(
        libraryHere("libtensorrt_rtx.so.1.7.1"),
      );
      const unpacked = Object.values(files).reduce((sum, { length }) => sum + length, 0);
      expect(bytesOf(manifest)).toBe(unpacked);
    },
  );

  test("takes an unpacked wheel, and from a folder with more than it only its own files", async () => {
    await mkdir(at("site/onnxruntime_qnn"), { recursive: true });
    await mkdir(at("site/onnxruntime_qnn.libs"), { recursive: true });
    await mkdir(at("site/onnxruntime_qnn-2.7.0.dist-info"), { recursive: true });
    for (const { path, data } of wheelEntries()) await writeFile(at(`site/${path}`), data);
    await writeFile(at("site/other.so"), "not of the wheel");
    const { manifest } = await add("site");
    expect(manifest.source).toMatchObject({ kind: "wheel", sha256: null, file: "site" });
    expect(manifest.files.map(({ path }) => path)).not.toContain("other.so");
    await expect(add("site", { sha256: "0".repeat(64) })).rejects.toMatchObject({ code: "USAGE" });
    await expect(add("site")).rejects.toThrow(withCode("USAGE"));
    await removePlugin({ name: "qnn", folder: store() });
    await writeFile(at(`site/${PROVIDER}`), libraryHere("changed"));
    await expect(add("site")).rejects.toThrow(withCode("DATA_INVALID"));
  });

  test("takes an unknown library by its path and name", async () => {
    await mkdir(at("sdk/lib"), { recursive: true });
    await writeFile(at("sdk/lib/provider.so"), libraryHere());
    await expect(add("sdk")).rejects.toThrow(withCode("USAGE"));
    const names = {
      as: "vendor",
      library: "lib/provider.so",
      register: "VendorExecutionProvider",
      version: "3.1",
      options: { level: "2" },
      serves: ["npu:vitisai" as const],
    };
    await expect(add("sdk", { ...names, library: "lib/none.so" })).rejects.toThrow(withCode("USAGE"));
    await expect(add("sdk", { ...names, as: "../up" })).rejects.toMatchObject({ code: "USAGE" });
    await expect(add("sdk", { ...names, version: "../up" })).rejects.toMatchObject({ code: "USAGE" });
    const { plugin } = await add("sdk", names);
    expect(plugin).toMatchObject({
      name: "vendor",
      version: "3.1",
      options: { level: "2" },
      serves: ["npu:vitisai"],
    });
    expect(await findPlugin("npu", "vitisai", store())).toEqual(plugin);
  });
});
