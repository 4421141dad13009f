/** The installed product for Windows, and the commands that the steps run: in Wine, and with the same code on this machine. */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "../lib/steps.js";
import { windowsPath, type Running, type Wine } from "./wine.js";

const repository = join(import.meta.dirname, "..", "..");
const NAME = "@encdec/slm";
/** Lines of ONNX Runtime and Dawn that no user should see. */
const RAW = /DXGI|_deps\\|onnxruntime\\core|\.(?:cc|cpp)[:(]\d/;

type Result = Readonly<Record<string, unknown>>;

export interface Failed {
  readonly exit: number;
  readonly code: string;
  readonly message: string;
  readonly suggestions: readonly string[];
}

export class Scene {
  /** The user's folder, with an umlaut and a space. */
  readonly folder: string;
  readonly modules: string;
  readonly wine: Wine;

  constructor(wine: Wine, root: string) {
    this.wine = wine;
    this.modules = join(root, "project", "node_modules");
    this.folder = join(root, "project", "Jörg Müller");
  }

  /** Installs the package with the optional packages of Windows. */
  install(root: string): string {
    mkdirSync(join(root, "project"), { recursive: true });
    const project = join(root, "project");
    writeFileSync(join(project, "package.json"), JSON.stringify({ private: true, type: "module" }));
    const npm = (argv: readonly string[], cwd: string): string =>
      execFileSync("npm", argv, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
    const packed = npm(
      ["pack", "--json", "--ignore-scripts", "--pack-destination", root],
      join(repository, "dist-package"),
    );
    const [{ filename }] = JSON.parse(packed) as [{ filename: string }];
    const platform = ["--os=win32", "--cpu=x64"];
    npm(
      ["install", "--ignore-scripts", "--no-audit", "--no-fund", ...platform, join(root, filename)],
      project,
    );
    return execFileSync("du", ["-sm", "--", this.modules], { encoding: "utf8" }).split("\t")[0]!;
  }

  get program(): string {
    return join(this.modules, NAME, "bin", "run.js");
  }

  start(argv: readonly string[], env?: Readonly<Record<string, string>>): Running {
    return this.wine.startNode([windowsPath(this.program), ...argv], { cwd: this.folder, env });
  }

  /** Runs slm on Windows, which must succeed and print no line of a native library. @returns its JSON result */
  async slm(argv: readonly string[], env?: Readonly<Record<string, string>>): Promise<Result> {
    const { exit, out, err } = await this.start([...argv, "--json"], env).ended;
    expect(exit === 0, `slm ${argv.join(" ")}: exit ${exit}\n${out}\n${err}`);
    expect(!RAW.test(err), `slm ${argv.join(" ")} printed a line of a native library:\n${err}`);
    return (JSON.parse(out) as { result: Result }).result;
  }

  /** Runs slm on Windows, which must fail. */
  async failure(argv: readonly string[]): Promise<Failed> {
    const { exit, out, err } = await this.start([...argv, "--json"]).ended;
    const { error } = JSON.parse(out || "{}") as { error?: Omit<Failed, "exit"> };
    expect(
      exit !== 0 && error !== undefined,
      `slm ${argv.join(" ")}: expected an error, got\n${out}\n${err}`,
    );
    return { exit, ...error };
  }

  /** Runs the same slm on this machine. */
  host(argv: readonly string[]): Result {
    const program = join(repository, "dist-package", "bin", "run.js");
    const text = execFileSync(process.execPath, [program, ...argv, "--json"], {
      cwd: this.folder,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
    return (JSON.parse(text) as { result: Result }).result;
  }
}
