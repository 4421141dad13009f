/**
 * Keeps native libraries on Windows from writing to standard error. ONNX Runtime 1.30 and Dawn print raw lines there while they look for a
 * graphics device ("Failed to create DXGI factory."), whatever their log level is. Their errors arrive as exceptions too.
 *
 * They write through the shared C runtime (`ucrtbase.dll`), whose file 2 is redirected to NUL. Node.js has a C runtime of its own and keeps its
 * standard error.
 */
import koffi from "koffi";

/** The functions of Windows that this module uses. A handle is a pointer; 0 or null means none. */
export interface StandardError {
  readonly handle: () => unknown;
  readonly setHandle: (handle: unknown) => void;
  /** Makes `CloseHandle` fail, or work again. @returns whether this worked */
  readonly protect: (handle: unknown, isProtected: boolean) => boolean;
  /** Opens NUL as the file 2 of the C runtime. This closes the handle that the file had, unless it is protected. */
  readonly redirect: () => void;
}

/**
 * Redirects the standard error of native libraries in this process to NUL. Does nothing if the process has no standard error, or with
 * SLM_DEBUG.
 */
export function quietNativeStderr(open: () => StandardError = ofWindows): void {
  if ((process.env.SLM_DEBUG ?? "") !== "") return;
  const stderr = open();
  const handle = stderr.handle();
  // Node.js uses the same handle, so it must stay open.
  if (!stderr.protect(handle, true)) return;
  try {
    stderr.redirect();
  } finally {
    stderr.protect(handle, false);
    stderr.setHandle(handle);
  }
}

/** `STD_ERROR_HANDLE` and `HANDLE_FLAG_PROTECT_FROM_CLOSE` of the Windows SDK; `_O_WRONLY` of its C runtime. */
const STDERR = -12;
const PROTECT_FROM_CLOSE = 2;
const WRITE_ONLY = 1;

function ofWindows(): StandardError {
  const windows = koffi.load("kernel32.dll");
  const runtime = koffi.load("ucrtbase.dll");
  const getHandle = windows.func("void *GetStdHandle(int32_t which)") as (which: number) => unknown;
  const setHandle = windows.func("int SetStdHandle(int32_t which, void *handle)");
  const setFlags = windows.func("int SetHandleInformation(void *handle, uint32_t mask, uint32_t flags)");
  const open = runtime.func("int _open(const char *path, int flags)") as (
    path: string,
    flags: number,
  ) => number;
  const duplicate = runtime.func("int _dup2(int from, int to)");
  const close = runtime.func("int _close(int file)");
  return {
    handle: () => getHandle(STDERR),
    setHandle: (handle) => void setHandle(STDERR, handle),
    protect: (handle, isProtected) =>
      setFlags(handle, PROTECT_FROM_CLOSE, isProtected ? PROTECT_FROM_CLOSE : 0) !== 0,
    redirect: () => {
      const nul = open("NUL", WRITE_ONLY);
      duplicate(nul, 2);
      close(nul);
    },
  };
}
